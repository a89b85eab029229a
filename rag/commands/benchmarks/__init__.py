"""Benchmarks whose tables a page shows: `--write` puts them there, with what else the machine had to do."""
