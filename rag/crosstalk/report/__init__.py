"""A finished report told to people and machines: explained, replayed, exported, and as a test that fails."""
