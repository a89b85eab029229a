"""Crosswire: chat sessions that stay apart, and the lab that shows what happens when they do not."""
