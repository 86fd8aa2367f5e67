"""How much Tocsin does and how late it is, against limits measured in the same run: docs/benchmarks.md."""
