"""The page of beliefs: commit to yes or no, then see it measured here."""
