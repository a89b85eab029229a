"""Memories in a store outside of the process: Redis and SQL."""
