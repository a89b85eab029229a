"""The command line: `python -m rag COMMAND`. Progress and errors go to standard error."""

from __future__ import annotations

import logging
import sys

from rag.commands import app
from rag.errors import CrosswireError


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        app()
    except CrosswireError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
