"""The long proof, by hand: every strategy with 20 seeds and 100 users; with 4 processes, cancelled turns and a restart
too, where what it remembers is not in the process.

python -m tests.crosstalk.strategies.prove [STRATEGY…]

A line for each setting: how many seeds showed what is listed and nothing else, and what they showed in all. `sql` and
`unfiltered-retrieval` take a minute or more for one setting; their libraries do (see their docstrings).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rag.crosstalk import STRATEGIES, Lab
from rag.crosstalk.strategies import find
from tests.crosstalk.strategies.judging import judge

SEEDS = range(20)
EVERYWHERE: tuple[dict[str, Any], ...] = (
    {},
    {"tabs": 2},
    {"processes": 4},
    {"processes": 4, "tabs": 2},
    {"cancelled": 0.2},
    {"restart": True},
)


def main(names: list[str]) -> int:
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="cw-", ignore_cleanup_errors=True) as folder,
        Lab(Path(folder), state_dir=Path(folder)) as lab,
    ):
        for name in names or list(STRATEGIES):
            for changes in EVERYWHERE[:2] if find(name).in_process else EVERYWHERE:
                begun, passed, kinds, problems = time.monotonic(), 0, Counter[str](), []
                for seed in SEEDS:
                    try:
                        kinds.update(judge(name, lab, seed, **changes).keys())
                        passed += 1
                    except AssertionError as exc:
                        problems.append(str(exc).splitlines()[0])
                failed += len(problems)
                found = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "nothing wrong"
                took = time.monotonic() - begun
                sys.stdout.write(f"{name:22} {changes!s:32} {passed}/{len(SEEDS)} in {took:.0f} s: {found}\n")
                sys.stdout.writelines(f"    {problem}\n" for problem in problems[:3])
                sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
