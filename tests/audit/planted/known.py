"""What else fails at a planted store, and why that is right."""

from __future__ import annotations

from rag.audit.checks import CHECKS
from tests.audit.planted.expiry import RESTART
from tests.audit.planted.faces import FACES

FIGURES = frozenset(each for each in CHECKS if each.startswith("bounded."))
"""These have no verdict and cannot fail, so no store is planted for them. test_wire has what they measure."""

BY_DESIGN: dict[str, frozenset[str]] = {"saver": frozenset({"whole.pairs", "whole.failed-turn"})}
"""What a graph cannot have, whatever its saver does: it keeps the question before it asks the model."""

ALSO: dict[tuple[str, str], frozenset[str]] = {
    ("saver", "apart.shared-read"): frozenset({"apart.shared-write", "whole.first-writes"}),
    ("saver", "apart.colon"): frozenset({"apart.listing"}),
    ("saver", "apart.slash"): frozenset({"apart.listing"}),
    ("saver", "apart.prefix"): frozenset({"apart.clear"}),
    ("store", "apart.colon"): frozenset({"apart.listing", "apart.joined"}),
    ("store", "apart.slash"): frozenset({"apart.listing"}),
    ("saver", "whole.overlapping-turns"): frozenset({"whole.processes"}),
    ("saver", "faithful.many"): FIGURES,
    **{(face, "apart.shared-write"): frozenset({"whole.first-writes"}) for face in FACES},
    **{(face, "whole.order"): frozenset({"faithful.many"}) for face in FACES},
    ("served", RESTART): frozenset({"lasting.new-process"}),
}
"""(interface, its fault) -> checks that show the same fault. A long conversation is in order if any is; first writes
overlap as others do, and turns of two processes as those of one. A write of a saver or into a store of items begins
with a read, which takes up what is wrong in it; their lists show the ids that they keep. A saver that reads one page
cannot write a long conversation whose costs could be measured. A server that ends with its store has forgotten when
that is opened again.
"""
