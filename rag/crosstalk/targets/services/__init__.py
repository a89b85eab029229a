"""What a service says of itself, put into its description."""
