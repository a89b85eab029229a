"""What Uvicorn does not bound of a connection."""
