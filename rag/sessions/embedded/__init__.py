"""The Valkey server that comes with the package, shared by every process of one STATE_DIR."""
