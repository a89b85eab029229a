"""Turns while they are held: lease, queue, commit, and how a request is sent."""
