"""From files to documents that are ready to be stored: which files are meant, what they become, one run over them."""
