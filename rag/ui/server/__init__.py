"""What starts the pages' server."""
