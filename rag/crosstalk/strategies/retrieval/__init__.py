"""Memories that answer by similarity: caches and searches."""
