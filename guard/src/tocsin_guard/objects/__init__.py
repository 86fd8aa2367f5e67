"""Objects behind a small port: S3 and compatible through obstore, local files by our own fsynced writer."""
