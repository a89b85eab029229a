"""The home page: what this is, a recorded run that plays, and three doors."""
