"""Memories in the objects of a process: shared, scoped, copied or locked."""
