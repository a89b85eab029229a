"""`python -m tests.faults [--only TEXT]`: make every fault, print each outcome; `--page` writes docs/reliability.md.

Exit status 1 if a promise was broken or somebody was not answered again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from tests.faults import cancelling, clock_faults, embedded_faults, model_faults, process_faults, redis_faults
from tests.faults.page import rows, write
from tests.faults.people.browsers import Chromium
from tests.faults.run import Crowd, Outcome, run
from tests.faults.world import world

FAULTS = (
    *process_faults.FAULTS,
    *embedded_faults.FAULTS,
    *clock_faults.FAULTS,
    *cancelling.FAULTS,
    *redis_faults.FAULTS,
    *model_faults.FAULTS,
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="faults whose kind or name holds this text")
    parser.add_argument("--users", type=int, default=6, help="of the API")
    parser.add_argument("--visitors", type=int, default=10, help="with the chat page in Chromium")
    parser.add_argument("--page", action="store_true", help="write docs/reliability.md")
    given = parser.parse_args()
    chosen = [fault for fault in FAULTS if any(text in f"{fault.kind}: {fault.name}" for text in given.only or [""])]
    outcomes: list[Outcome] = []
    with Chromium() as chromium:
        for kind, faults in groupby(chosen, lambda fault: fault.kind):
            with tempfile.TemporaryDirectory(prefix="cw-") as folder, world(kind, Path(folder)) as made:
                for _, group in groupby(faults, lambda fault: (fault.sticky, fault.uploads)):
                    alike = [*group]
                    visitors = given.visitors if made.apps else 0  # without the application there is no page
                    with Crowd(made, given.users, chromium, visitors, like=alike[0]) as crowd:
                        for fault in alike:
                            outcomes.append(run(fault, made, crowd))
                            print(*rows(outcomes[-1]), sep="\n", flush=True)  # noqa: T201
                            if given.page:  # each time: a run that is broken off has what it saw
                                made_already = {one.fault for one in outcomes}
                                left_out = [one for one in FAULTS if one not in made_already]
                                write(outcomes, given.users, given.visitors, left_out)
    return 0 if outcomes and all(one.held for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
