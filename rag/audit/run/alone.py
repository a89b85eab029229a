"""`python alone.py worker|serve PATHS ARG…`: a part of this package, where nobody else's package `rag` is met.

Another interpreter has no package of that name, and somebody else's project may have its own. So this file is run by
its path, and this package is taken from where the file is. PATHS: what goes before `sys.path`, a line each.
"""

from __future__ import annotations

import signal
import sys
import threading
import types

here = __file__.rpartition("/")[0]
sys.path[:] = [*sys.argv[2].splitlines(), *(path for path in sys.path if path != here)]
ours = types.ModuleType("rag")
ours.__path__ = [here.rpartition("/audit/")[0]]
sys.modules["rag"] = ours

if __name__ == "__main__":
    if sys.argv[1] == "worker":
        from rag.audit.run.worker import main

        main(sys.argv[3:])
    else:
        from rag.audit.run.serve import main as serve

        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())  # no exception: it might come while a folder is deleted
        serve(sys.argv[3:], stop)
