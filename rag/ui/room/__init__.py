"""The page Room: opening one, its address, its wall, and what it leaves behind."""
