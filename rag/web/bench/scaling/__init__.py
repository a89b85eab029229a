"""How much one deployment takes: processes, masters, replicas, ways to share sessions out, and operations at once."""
