"""Many users at once against a memory or a running chat: planned, played, logged, and handed to the checker."""
