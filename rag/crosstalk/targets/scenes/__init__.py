"""How users of a target meet: what a scene needs of its description, and what is asked besides turns."""
