"""A process that stores turns without a pause, for `bench scale`: one thread, sessions of its own.

`python -m rag.web.bench.scaling.storing ADDRESS NAME SESSIONS`. It says `ready`; for each line of standard input, which
says for how many seconds, it stores turns and answers with a line of JSON: seconds of each turn.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from itertools import cycle
from time import perf_counter

from rag.sessions import SessionStore, connect
from rag.sessions.bench import PAIR


def main() -> None:
    address, name, count = sys.argv[1:]
    with closing(connect(address)) as client:
        store = SessionStore(client)
        sessions = [f"{name}-{number}" for number in range(int(count))]
        for session in sessions:
            store.append(session, list(PAIR) * 5)
        print("ready", flush=True)  # noqa: T201 (to whoever started it)
        turns = cycle(sessions)
        for line in sys.stdin:
            took, until = [], perf_counter() + float(line)
            while (begun := perf_counter()) < until:
                with store.turn(next(turns)) as turn:
                    turn.commit(PAIR)
                took.append(perf_counter() - begun)
            print(json.dumps(took), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
