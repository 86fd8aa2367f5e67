"""What monitoring says, from bytes to signals: one module per format."""
