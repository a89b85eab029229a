"""What a turn costs as it is served: over HTTP, against the least that the same work can cost."""
