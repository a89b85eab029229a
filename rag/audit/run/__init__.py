"""Running checks: in a worker process, each within its time."""
