"""A source's Markdown as units that can be quoted: whole sentences, list items with what introduces them, table rows
as readable lines. No unit is cut off and none carries mark-up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"\s*([-*+•]|\d{1,2}[.)])\s+(.*)$")
_RULE = re.compile(r"\s*(?:[-*_]\s*){3,}$|\s*[=-]{3,}\s*$")
_TABLE_LINE = re.compile(r"\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_MARKUP = (
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"</?[a-zA-Z][^>\n]*>"), ""),
    (re.compile(r"!\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\[[^\]]*\]"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)"), r"\1"),
    (re.compile(r"`+([^`]+)`+"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|~-])"), r"\1"),
)
_MARKS = re.compile(r"[*_`<\[\\]")
_END = re.compile(r"(?<=[.!?…])[\"”’')]*\s+(?=[\"“‘'(]?[A-Z0-9£€$])")
_ABBREVIATION = re.compile(r"\b(?i:e\.g|i\.e|etc|approx|incl|excl|vs|mr|mrs|ms|dr|st|cf|ca)\.$")
_SELF_EVIDENT = re.compile(
    r"^(?:(?:how|what|when|where|who|which)\b.*|price|cost|fee|charge|time|delivery time|duration|takes|"
    r"how long|when|arrives|what it means|value|limit|amount|meaning|description|details?|notes?|remarks?|"
    r"what happens)$",
    re.IGNORECASE,
)
_DEPENDENT = re.compile(
    r"(?:It|They|This|These|That|Those|He|She|However|But|Otherwise|Then|So|Both|Either|Neither|"
    r"In that case|After that|If so|If not|Also|And|Or|Instead|Even then|The same)\b"
)
_POINTS = re.compile(r"(?:[:;,]| –) (?:see|details are in|more in) [A-Z][^.:;]*(?=[.]?$)")
_INTRO = re.compile(r":\s*$")


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that can be quoted: a sentence, list item, numbered step or table row.

    `lead` introduces list items; `needs_previous` says that it refers backwards; `group` numbers lists and tables.
    """

    text: str
    position: int
    heading: str = ""
    kind: str = "sentence"
    lead: str = ""
    needs_previous: bool = False
    group: int = 0

    @property
    def whole(self) -> str:
        """The text with its introduction."""
        return f"{self.lead} {self.text}" if self.lead else self.text


def units(text: str) -> list[Unit]:
    """The quotable units of a Markdown or plain text, in reading order."""
    return [replace(unit, position=position) for position, unit in enumerate(_blocks(text))]


def plain(text: str) -> str:
    """Inline Markdown and HTML removed, white space folded."""
    if _MARKS.search(text):
        for pattern, new in _MARKUP:
            text = pattern.sub(new, text)
    return " ".join(text.split())


def split_sentences(text: str) -> list[str]:
    """The sentences of a paragraph; decimals, times and common abbreviations do not end one."""
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        piece = text[start : match.end()].strip()
        if not _ABBREVIATION.search(piece):
            found.append(piece)
            start = match.end()
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def _blocks(text: str) -> Iterator[Unit]:
    heading, lead, group = "", "", 0
    lines = text.replace("\r\n", "\n").split("\n")
    index, in_list = 0, False
    while index < len(lines):
        line = lines[index].strip().removeprefix(">").strip()
        item = _ITEM.match(line)
        listed, in_list = in_list and (item is not None or not line), item is not None or (in_list and not line)
        if match := _HEADING.match(line):
            heading, lead = plain(match[1]), ""
            index += 1
        elif not line or _RULE.match(line):
            index += 1
        elif "|" in line and index + 1 < len(lines) and _TABLE_LINE.match(lines[index + 1].strip()):
            group += 1
            header, index = _cells(line), index + 2
            while index < len(lines) and "|" in lines[index]:
                yield Unit(_row(header, _cells(lines[index])), 0, heading, "row", group=group)
                index += 1
        elif line.startswith("|"):
            # A table whose head is in another passage.
            yield Unit(_row([], _cells(line)), 0, heading, "row", group=group)
            index += 1
        elif item is not None:
            body, index = _continued(lines, index + 1, item[2])
            if not listed:
                group += 1
            body = _POINTS.sub("", body)
            yield Unit(body, 0, heading, "step" if item[1][0].isdigit() else "item", lead, group=group)
        else:
            body, index = _continued(lines, index + 1, line)
            lead = ""
            for sentence in (_POINTS.sub("", one) for one in split_sentences(body)):
                if _INTRO.search(sentence):
                    lead = sentence
                else:
                    yield Unit(sentence, 0, heading, needs_previous=bool(_DEPENDENT.match(sentence)))


def _continued(lines: list[str], index: int, first: str) -> tuple[str, int]:
    """A paragraph or item over its soft line breaks, and the index of the line after it."""
    parts = [first]
    while index < len(lines):
        line = lines[index].strip().removeprefix(">").strip()
        if not line or _HEADING.match(line) or _ITEM.match(line) or line.startswith("|") or _RULE.match(line):
            break
        parts.append(line)
        index += 1
    return plain(" ".join(parts)), index


def _cells(line: str) -> list[str]:
    return [plain(cell) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _row(header: list[str], cells: list[str]) -> str:
    first, *rest = cells or [""]
    if header and re.match(r"[\d.,½–-]+$", first):
        first = f"{header[0]} {first}"
    header = header[1:] + [""] * len(rest)
    values = [
        _labelled(name, cell) for name, cell in zip(header, rest, strict=False) if cell not in ("", "-", "–", "—")
    ]
    return f"{first}{' –' if ':' in first else ':'} {', '.join(values)}" if values else first


def _labelled(name: str, cell: str) -> str:
    if not name or _SELF_EVIDENT.match(name) or name.lower() in cell.lower():
        return cell
    return f"{name[0].lower()}{name[1:]} {cell}" if name[1:2].islower() else f"{name} {cell}"
