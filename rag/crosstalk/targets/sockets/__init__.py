"""Chats behind a connection that stays open: one a user, one question at a time."""
