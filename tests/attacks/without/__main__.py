"""`python -m tests.attacks.without [--only TEXT]`: take out every defence in turn, and say which tests turn red.

`--page` writes docs/attacks.md, and with `--only` those lines of it anew.
Exit status 1 if a test stayed green without its defence, or is red with it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.attacks.without.mends import MENDS
from tests.attacks.without.page import holds, row, write
from tests.attacks.without.trial import SECONDS, copy


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.without", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="attacks whose name or file holds this text")
    parser.add_argument("--page", action="store_true", help="write docs/attacks.md")
    given = parser.parse_args()
    chosen = [
        mend
        for mend in MENDS
        if any(text in " ".join([mend.attack, *(edit.path for edit in mend.edits)]) for text in given.only or [""])
    ]
    tried = []
    with tempfile.TemporaryDirectory(prefix="cw-") as folder, copy(Path(folder)) as made:
        tests = dict.fromkeys(test for mend in chosen for test in mend.tests)
        usual = made.outcomes(tests, 10 * SECONDS)
        wrong = [
            f"{test}: {outcome} although nothing is taken out" for test, outcome in usual.items() if outcome != "passed"
        ]
        print("\n".join(wrong), flush=True)  # noqa: T201
        for mend in chosen:
            with made.without(mend):
                tried.append((mend, made.outcomes(mend.tests)))
            print(row(*tried[-1]), flush=True)  # noqa: T201
    if given.page:
        write(tried)
    return 0 if tried and not wrong and all(holds(outcomes) for _, outcomes in tried) else 1


if __name__ == "__main__":
    sys.exit(main())
