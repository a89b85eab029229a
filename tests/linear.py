"""Whether Python's backtracking matcher takes linear time for a pattern, told from the pattern alone.

A pattern becomes an automaton whose states are its characters. Matching takes more than linear time only where one word
can be read in many ways (Weber and Seidl 1991, "On the degree of ambiguity of finite automata"; Weideman et al. 2016,
"Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers by Using Ambiguity of NFA"):

- exponential: from a state back to itself in two ways by the same word;
- polynomial: a word leads from p to p, from p to q and from q to q;
- the same with the start of the search for p, as a search begins anew at each character.

A state from which the pattern may end without a further condition fails no search: what a search tries in vain never
comes to one, so the last kind leaves those out. All else is taken to be possible: what is not shown to be linear is
reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from re import _constants as code
from re import _parser
from typing import Any

MOST_TIMES = 1000
"""A repetition up to so many times is no loop of a search, but a constant."""

MOST_STATES = 50_000
"""Of the products of automata that are searched for one reason."""

_UNROLLED = 8
_CHARACTERS = [*map(chr, range(128)), *"\x85\xa0é߳ÿĀſKΩаٱ٣²½Ⅷ　\u2003\u2028—’苹\ud800\U0001f600"]
Item = tuple[Any, Any]


def reasons(pattern: str | bytes, flags: int = 0) -> list[str]:
    """Why this pattern may take more than linear time; empty if it takes linear time."""
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    compiled = re.compile(pattern, flags)
    try:
        automaton = _Builder(
            text, compiled.flags & ~re.UNICODE if isinstance(pattern, bytes) else compiled.flags
        ).built()
    except _Unknown as exc:
        return [str(exc)]
    return automaton.reasons()


class _Unknown(Exception):
    pass


@dataclass
class _Node:
    """A state between characters. `free` edges need nothing; `asked` ones a condition, of which each may hold."""

    free: list[_Node] = field(default_factory=list)
    asked: list[_Node] = field(default_factory=list)
    at_start: list[_Node] = field(default_factory=list)
    reads: list[tuple[int, int, _Node]] = field(default_factory=list)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class _Builder:
    def __init__(self, text: str, flags: int) -> None:
        self.tree = _parser.parse(text, flags)
        self.flags = self.tree.state.flags | flags
        self.characters = list(dict.fromkeys([*_CHARACTERS, *_mentioned(self.tree)]))
        self.loops: list[bool] = []
        self.inside = 0

    def built(self) -> Automaton:
        start, end = _Node(), _Node()
        self._all(self.tree, start, end)
        return Automaton(start, end, self.loops, self.characters)

    def _all(self, items: Iterable[Item], start: _Node, end: _Node) -> None:
        here = start
        for item in items:
            there = _Node()
            self._one(item, here, there)
            here = there
        here.free.append(end)

    def _one(self, item: Item, start: _Node, end: _Node) -> None:
        what, given = item
        if what in (code.LITERAL, code.NOT_LITERAL, code.ANY, code.IN):
            self.loops.append(self.inside > 0)
            start.reads.append((len(self.loops) - 1, self._mask(what, given), end))
        elif what is code.SUBPATTERN:
            before, self.flags = self.flags, (self.flags | given[1]) & ~given[2]
            self._all(given[3], start, end)
            self.flags = before
        elif what is code.BRANCH:
            for branch in given[1]:
                self._all(branch, start, end)
        elif what in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
            self._repeated(given, start, end)
        elif what is code.ATOMIC_GROUP:
            self._all(given, start, end)
        elif what in (code.ASSERT, code.ASSERT_NOT):
            start.asked.append(end)
            if given[0] > 0:
                self._all(given[1], start, _Node())
        elif what is code.AT:
            begins = given is code.AT_BEGINNING_STRING or (given is code.AT_BEGINNING and not self.flags & re.MULTILINE)
            (start.at_start if begins else start.asked).append(end)
        else:
            raise _Unknown(f"{what} cannot be judged")

    def _repeated(self, given: tuple[int, int, Iterable[Item]], start: _Node, end: _Node) -> None:
        least, most, items = given
        if least > MOST_TIMES:
            raise _Unknown(f"more than {MOST_TIMES} times of anything cannot be judged")
        items = list(items)
        endless = most is code.MAXREPEAT or most > MOST_TIMES
        looped = endless or most > _UNROLLED
        self.inside += endless
        here = start
        for _ in range(min(least, 1 if looped else _UNROLLED)):
            there = _Node()
            self._all(items, here, there)
            here = there
        if looped:
            back = _Node()
            here.free.append(back)
            self._all(items, back, back)
            back.free.append(end)
        else:
            for _ in range(most - least):
                here.free.append(end)
                there = _Node()
                self._all(items, here, there)
                here = there
            here.free.append(end)
        self.inside -= endless

    def _mask(self, what: Any, given: Any) -> int:
        fits = self._fits(what, given)
        if self.flags & re.IGNORECASE:
            return self._bits(lambda one: any(map(fits, {one, one.lower(), one.upper(), one.swapcase()})))
        return self._bits(fits)

    def _bits(self, fits: Callable[[str], bool]) -> int:
        return sum(1 << place for place, one in enumerate(self.characters) if fits(one))

    def _fits(self, what: Any, given: Any) -> Callable[[str], bool]:
        if what is code.LITERAL:
            return lambda one: one == chr(given)
        if what is code.NOT_LITERAL:
            return lambda one: one != chr(given)
        if what is code.ANY:
            return lambda one: one != "\n" or bool(self.flags & re.DOTALL)
        if what is code.RANGE:
            return lambda one: len(one) == 1 and given[0] <= ord(one) <= given[1]
        if what is code.CATEGORY:
            letter = _CATEGORIES[given]
            known = re.compile(letter, self.flags & re.ASCII)
            return lambda one: bool(known.fullmatch(one))
        negated = bool(given) and given[0][0] is code.NEGATE
        parts = [self._fits(*part) for part in given[negated:]]
        return lambda one: any(part(one) for part in parts) != negated


_CATEGORIES = {
    code.CATEGORY_DIGIT: r"\d",
    code.CATEGORY_NOT_DIGIT: r"\D",
    code.CATEGORY_SPACE: r"\s",
    code.CATEGORY_NOT_SPACE: r"\S",
    code.CATEGORY_WORD: r"\w",
    code.CATEGORY_NOT_WORD: r"\W",
}


def _mentioned(items: Any) -> Iterator[str]:
    """The characters that a pattern names, and their neighbours: one at least of every kind that it tells apart."""
    if isinstance(items, tuple) and len(items) == 2 and items[0] in (code.LITERAL, code.NOT_LITERAL):
        yield from _near(items[1])
    elif isinstance(items, tuple) and len(items) == 2 and items[0] is code.RANGE:
        yield from _near(items[1][0])
        yield from _near(items[1][1])
    elif isinstance(items, tuple | list | _parser.SubPattern):
        for item in items:
            yield from _mentioned(item)


def _near(point: int) -> Iterator[str]:
    for one in (point - 1, point, point + 1):
        if 0 <= one < 0x110000:
            yield from dict.fromkeys((chr(one), chr(one).lower()[:1], chr(one).upper()[:1]))


class Automaton:
    """States are the pattern's characters, numbered from 0, and -1 for its start."""

    def __init__(self, start: _Node, end: _Node, endless: list[bool], characters: list[str]) -> None:
        self._end = end
        self.endless = endless
        self.masks = [0] * len(endless)
        self.characters = characters
        self.after: dict[int, dict[int, int]] = {}
        """For each state the next ones, and in how many ways one gets there without a character (2: several)."""
        self.later: dict[int, int] = {}
        """The states in which a search that begins after the first character may begin."""
        self.ends: set[int] = set()
        self._follow(start)

    def _follow(self, start: _Node) -> None:
        self.after[-1] = self._next(start, at_start=True)
        self.later = self._next(start, at_start=False)
        waiting, seen = [start], {start}
        while waiting:
            node = waiting.pop()
            for position, mask, target in node.reads:
                self.masks[position] = mask
                self.after[position] = self._next(target, at_start=False)
                if self._may_end(target):
                    self.ends.add(position)
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
            for target in (*node.free, *node.asked, *node.at_start):
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def _next(self, node: _Node, *, at_start: bool) -> dict[int, int]:
        found: dict[int, int] = {}
        path: set[_Node] = set()
        ways = 1

        def walk(here: _Node) -> None:
            nonlocal ways
            if here in path:
                ways = 2  # a repetition of nothing
                return
            path.add(here)
            for position, _, _ in here.reads:
                found[position] = min(2, found.get(position, 0) + 1)
            for there in (*here.free, *here.asked, *(here.at_start if at_start else ())):
                walk(there)
            path.discard(here)

        walk(node)
        return {position: max(ways, number) for position, number in found.items()}

    def _may_end(self, node: _Node) -> bool:
        seen, waiting = {node}, [node]
        while waiting:
            here = waiting.pop()
            if here is self._end:
                return True
            new = [there for there in here.free if there not in seen]
            seen.update(new)
            waiting += new
        return False

    @cached_property
    def reach(self) -> dict[int, set[int]]:
        """The states behind each state."""
        return {state: _closure(state, lambda one: self.after.get(one, {})) for state in range(len(self.masks))}

    def reasons(self) -> list[str]:
        """See `reasons` of this module."""
        looping = [state for state in range(len(self.masks)) if state in self.reach[state]]
        found = []
        for q in looping:
            loop = {state for state in self.reach[q] if q in self.reach[state]}
            if self._twofold(q, loop):
                found.append(f"exponential: {self._shown(q)} can be read in two ways")
            if any(self._meets(p, q, loop) for p in looping if p != q and q in self.reach[p]):
                found.append(f"polynomial: what {self._shown(q)} reads, something before it reads as well")
            if self.endless[q] and q not in self.ends and self._restarts(q, loop):
                found.append(f"quadratic: a search that begins inside {self._shown(q)} comes to it again")
        return list(dict.fromkeys(found))

    def _shown(self, state: int) -> str:
        some = [one for place, one in enumerate(self.characters) if self.masks[state] >> place & 1]
        letters = [one for one in some if one.isprintable()] or some
        return f"[{''.join(letters[:12])}{'…' if len(letters) > 12 else ''}]*"

    def _twofold(self, q: int, loop: set[int]) -> bool:
        if any(ways > 1 and there in loop for state in loop for there, ways in self.after[state].items()):
            return True

        def step(pair: tuple[int, int]) -> Iterator[tuple[int, int]]:
            for one in self.after[pair[0]].keys() & loop:
                for two in self.after[pair[1]].keys() & loop:
                    if self.masks[one] & self.masks[two]:
                        yield one, two

        forth = _closure((q, q), step)
        return any((q, q) in _closure(pair, step) for pair in forth if pair[0] < pair[1])

    def _meets(self, p: int, q: int, loop: set[int]) -> bool:
        mine = {state for state in self.reach[p] if p in self.reach[state]}

        def step(triple: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
            for one in self.after[triple[0]].keys() & mine:
                for three in self.after[triple[2]].keys() & loop:
                    both = self.masks[one] & self.masks[three]
                    if not both:
                        continue
                    for two in self.after[triple[1]]:
                        if both & self.masks[two] and (two == q or q in self.reach[two]):
                            yield one, two, three

        return (p, q, q) in _closure((p, p, q), step)

    def _restarts(self, q: int, loop: set[int]) -> bool:
        def step(pair: tuple[int, int]) -> Iterator[tuple[int, int]]:
            for one in (self.later if pair[0] == -1 else self.after[pair[0]]).keys() - self.ends:
                for two in (self.after[pair[1]].keys() & loop) - self.ends:
                    if self.masks[one] & self.masks[two]:
                        yield one, two

        return (q, q) in _closure((-1, q), step)


def _closure(start: Any, step: Callable[[Any], Iterable[Any]]) -> set[Any]:
    """All that is reached from `start` in one step or more."""
    seen: set[Any] = set()
    waiting = [start]
    while waiting:
        if len(seen) > MOST_STATES:
            raise _Unknown("it is too large to be judged")
        for there in step(waiting.pop()):
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    return seen
