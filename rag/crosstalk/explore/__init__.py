"""Every interleaving of a few turns: stepped, merged where states are equal, judged by the checker."""
