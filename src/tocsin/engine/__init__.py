"""Carrying out: each step is a plain function of a transaction and `now`; `app` owns the loops."""
