"""`python -m crosswire` is the command `crosswire`."""

from __future__ import annotations

from rag.__main__ import main

if __name__ == "__main__":
    main()
