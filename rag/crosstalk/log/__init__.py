"""The operation log: what was sent, prompted, answered and stored, one JSON object a line; read and written here."""
