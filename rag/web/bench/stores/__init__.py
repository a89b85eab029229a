"""Stores that people weigh, asked for the same turns: how soon they answer, and what an acknowledged turn survives."""
