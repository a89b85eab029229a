"""The small memories of the race lab. A dict of lists stands for Redis: each operation on it is one step, as a command
is."""
