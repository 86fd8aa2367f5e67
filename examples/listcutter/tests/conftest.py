"""The S3 servers are guard's own fixtures. The paths of what is imported stand in pyproject.toml."""

from guard.tests.conftest import moto_server, s3_bucket, s3_server

__all__ = ["moto_server", "s3_bucket", "s3_server"]
