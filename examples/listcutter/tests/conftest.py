"""The S3 server is guard's own fixture. The paths of what is imported stand in pyproject.toml."""

from guard.tests.conftest import s3_server

__all__ = ["s3_server"]
