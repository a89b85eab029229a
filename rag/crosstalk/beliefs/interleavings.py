"""Two turns of one session in every order that there is."""

from __future__ import annotations

from rag.crosstalk.beliefs.results import Bench, Measured
from rag.crosstalk.explore.explorer import certify
from rag.crosstalk.explore.scenes import Scene

TABS = Scene(tabs=True)


def every_order(bench: Bench, wrong: str, right: str) -> Measured:
    """The answer is yes where some order goes wrong."""
    found = []
    for number, name in enumerate((wrong, right)):
        bench.tell(number / 2, f"{name}: every order of two turns")
        found.append(certify(name, TABS, bench.lab, stop=bench.stop.is_set))
    theirs, ours = (one.explored for one in found)
    rows = (
        ("orders of the steps of two turns", f"{theirs.total:,}", f"{ours.total:,}"),
        ("of these go wrong", f"{theirs.wrong:,}", f"{ours.wrong:,}"),
    )
    first = f" {theirs.shortest.outcome.told}" if theirs.shortest else ""
    told = f"{theirs.wrong} of the {theirs.total} orders go wrong.{first}"
    return Measured(True if theirs.wrong else False if found[0].right else None, told, rows)
