"""The words of the command line, by theme: a function each, which adds its commands to the parser."""
