"""Deleting a session for good, and the proof."""
