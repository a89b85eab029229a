"""A pasted command as words, by the quoting of bash or of Windows' cmd. Nothing is run, looked up or filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.crosstalk.targets.errors import BadTarget

LONGEST = 100_000
"""Characters of a command."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "0": "\0"}
_CODES = {"x": 2, "u": 4, "U": 8}
_OTHERS = frozenset("|;<>&")
_VARIABLE = re.compile(r"\$(?:\{(\w{1,80})\}|([A-Za-z_]\w{0,79}))")
_HEX = re.compile(r"[0-9A-Fa-f]{1,8}")


def words(text: str, where: str) -> list[str]:
    """A variable of the shell, $NAME, becomes ${NAME}, as descriptions have it.

    Raises BadTarget for what is too long, is not closed, or needs a shell.
    """
    if len(text) > LONGEST:
        raise BadTarget(where, f"the command is longer than {LONGEST:,} characters")
    cmd = '^"' in text or " ^\n" in text or " ^\r\n" in text
    return list(_words(_without_carets(text) if cmd else text, where, cmd))


def _without_carets(text: str) -> str:
    """cmd's own escapes, of which an end of line is a blank."""
    found, rest = list[str](), iter(text.replace("\r\n", "\n"))
    for letter in rest:
        found.append(letter if letter != "^" else next(rest, "").replace("\n", " "))
    return "".join(found)


def _words(text: str, where: str, cmd: bool) -> Iterator[str]:
    at, word, begun = 0, list[str](), False
    while at < len(text):
        letter = text[at]
        if letter.isspace():
            if begun:
                yield "".join(word)
            word, begun, at = [], False, at + 1
            continue
        if letter == "\\" and not cmd:
            if text.startswith(("\\\n", "\\\r\n"), at):
                at += 2 + text.startswith("\\\r", at)
                continue
            part, at = text[at + 1 : at + 2], at + 2
        elif letter == "'" and not cmd:
            end = text.find("'", at + 1)
            part, at = text[at + 1 : end], _closed(end, where) + 1
        elif letter == '"':
            part, at = _double(text, at + 1, where, cmd)
        elif text.startswith("$'", at) and not cmd:
            part, at = _ansi(text, at + 2, where)
        elif letter == "$" and not cmd:
            part, at = _variable(text, at, where)
        elif letter == "`" or (letter in _OTHERS and not begun) or (letter in "|;<>" and not cmd):
            raise BadTarget(where, f"there is a {letter} outside of quotes: paste the curl command alone")
        else:
            part, at = letter, at + 1
        word.append(part)
        begun = True
    if begun:
        yield "".join(word)


def _double(text: str, at: int, where: str, cmd: bool) -> tuple[str, int]:
    found = list[str]()
    while at < len(text):
        letter = text[at]
        if letter == '"':
            if cmd and text.startswith('""', at):
                found.append('"')
                at += 2
                continue
            return "".join(found), at + 1
        if letter == "\\" and text[at + 1 : at + 2] in ('"\\' if cmd else '"\\$`\n'):
            found.append(text[at + 1 : at + 2].strip("\n"))
            at += 2
        elif letter == "$" and not cmd:
            part, at = _variable(text, at, where)
            found.append(part)
        elif letter == "`" and not cmd:
            raise BadTarget(where, "there is a ` in it, which only a shell can fill in: write the value")
        else:
            found.append(letter)
            at += 1
    raise _open(where)


def _variable(text: str, at: int, where: str) -> tuple[str, int]:
    if text.startswith("$(", at):
        raise BadTarget(where, "there is a $(…) in it, which only a shell can fill in: write the value")
    found = _VARIABLE.match(text, at)
    return (f"${{{found[1] or found[2]}}}", found.end()) if found else ("$", at + 1)


def _ansi(text: str, at: int, where: str) -> tuple[str, int]:
    """$'…', as browsers copy what has special letters."""
    found = list[str]()
    while at < len(text):
        letter = text[at]
        if letter == "'":
            # Two halves of a pair, as JSON has them, are one letter.
            return "".join(found).encode("utf-16", "surrogatepass").decode("utf-16", "replace"), at + 1
        if letter != "\\":
            found.append(letter)
            at += 1
            continue
        kind = text[at + 1 : at + 2]
        code = _HEX.match(text, at + 2, at + 2 + _CODES[kind]) if kind in _CODES else None
        if code is not None:
            number = int(code[0], 16)
            found.append(chr(number) if number <= 0x10FFFF else "\ufffd")
            at = code.end()
        else:
            found.append(_ESCAPES.get(kind, kind))
            at += 2
    raise _open(where)


def _closed(end: int, where: str) -> int:
    if end < 0:
        raise _open(where)
    return end


def _open(where: str) -> BadTarget:
    return BadTarget(where, "a quotation mark in it is never closed: paste the whole command")
