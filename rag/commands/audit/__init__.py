"""`audit`: options, and what is printed."""
