"""The published matrix: what is audited, and how the table is made of it. `make matrix`."""
