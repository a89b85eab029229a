"""A stranger's file into passages: formats, splitting, and the process of its own in which both happen."""
