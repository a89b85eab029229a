"""From an operation log to a report: who saw whose data, what was lost, and whether that can be said at all. Pure."""
