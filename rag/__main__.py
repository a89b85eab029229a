"""The command line: `python -m rag COMMAND`. Progress and errors go to standard error."""

from __future__ import annotations

import gc
import logging
import sys

from rag.errors import CrosswireError

INTERRUPTED = 130
"""128 and the number of SIGINT, as a shell has it."""


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    gc.disable()  # until a command is loaded
    try:
        # Here, as loading takes seconds on a busy machine and Ctrl-C in that time is no reason for a traceback.
        from rag.commands import run

        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except CrosswireError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(2)
    finally:
        gc.freeze()  # at its end Python would look through everything, several times


if __name__ == "__main__":
    main()
