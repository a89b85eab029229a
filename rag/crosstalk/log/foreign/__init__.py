"""Logs that other tools wrote: what each knows of a turn, read into the events of the operation log."""
