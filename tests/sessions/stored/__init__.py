"""Stores as versions wrote them, as commands that make them again. `python -m tests.sessions.stored` writes the newest.

Kept for ever: a file of an older version is never written anew.
"""
