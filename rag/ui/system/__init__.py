"""How this server runs: the parts of the page System."""
