"""The command line: `python -m rag COMMAND`. Progress and errors go to standard error."""

from __future__ import annotations

import gc
import logging
import sys

from rag.errors import CrosswireError

INTERRUPTED = 130
"""128 and the number of SIGINT, as a shell has it."""
GARBAGE = 50_000
"""New objects between two looks for garbage. Loading the libraries makes no garbage: to look for it as often as Python
does by itself takes a sixth of a short command."""


def main() -> None:
    gc.set_threshold(GARBAGE)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        # Here, as loading takes seconds on a busy machine and Ctrl-C in that time is no reason for a traceback.
        from rag.commands import run

        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except CrosswireError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
