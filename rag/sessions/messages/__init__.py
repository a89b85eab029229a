"""Messages as they are stored and handed out: codec, encryption, copies, sizes."""
