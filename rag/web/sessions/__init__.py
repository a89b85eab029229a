"""The sessions of one browser: what its cookie proves, and which of them is open."""
