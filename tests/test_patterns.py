"""Every pattern of the product takes linear time, whatever the text: nobody's input may hold up the interpreter.

What re2 compiles is linear by construction, as is what pydantic checks (with the engine of Rust); for the rest see
tests.linear. A pattern that is put together when the program runs is judged with any character for each piece that is
escaped.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest

from tests.linear import reasons
from tests.test_imports import sources

CALLS = {"compile", "match", "fullmatch", "search", "split", "findall", "finditer", "sub", "subn"}
ANYTHING = r"[\s\S]"


class Unescaped(ast.NodeTransformer):
    """`re.escape(x)` becomes any character, and an iterable of such pieces two of them."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if _is_escape(node.func):
            return ast.copy_location(ast.Constant(ANYTHING), node)
        if getattr(node.func, "id", "") == "map" and _is_escape(node.args[0]):
            return ast.copy_location(ast.List([ast.Constant(ANYTHING)] * 2, ast.Load()), node)
        self.generic_visit(node)
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        if isinstance(node.elt, ast.Call) and _is_escape(node.elt.func):
            return ast.copy_location(ast.List([ast.Constant(ANYTHING)] * 2, ast.Load()), node)
        return node


def _is_escape(node: ast.expr) -> bool:
    return ast.unparse(node) == "re.escape"


def patterns(tree: ast.Module, names: Mapping[str, Any]) -> Iterator[tuple[int, str | bytes, int]]:
    """(line, pattern, flags) of each call of the module `re`. Raises NameError for what only a function knows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            raise NameError("a name of re without its module")
        if isinstance(node, ast.Import) and any(one.asname for one in node.names if one.name == "re"):
            raise NameError("re by another name")
        if isinstance(node, ast.Call) and _of_re(node.func) in CALLS:
            given = {item.arg: item.value for item in node.keywords if item.arg}
            call = inspect.signature(getattr(re, _of_re(node.func))).bind_partial(*node.args, **given).arguments
            flags = _value(call["flags"], names) if "flags" in call else 0
            yield node.lineno, _value(call["pattern"], names), int(flags)


def _of_re(function: ast.expr) -> str:
    name = ast.unparse(function)
    return name.removeprefix("re.") if name.startswith("re.") else ""


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    found = ast.fix_missing_locations(ast.Expression(Unescaped().visit(node)))
    return eval(compile(found, "a pattern", "eval"), dict(names))


def faults(module: str, tree: ast.Module, names: Mapping[str, Any]) -> list[str]:
    return [
        f"{module}:{line} {pattern!r} is not linear ({reason})"
        for line, pattern, flags in patterns(tree, names)
        for reason in reasons(pattern, flags)[:1]
    ]


def test_every_pattern_is_linear() -> None:
    found, judged = [], 0
    for module, _, tree in sources():
        if not any(isinstance(node, ast.Import) and node.names[0].name == "re" for node in ast.walk(tree)):
            assert list(patterns(tree, {})) == []
            continue
        names = vars(import_module(module)) if module.startswith("rag.") else {"re": re}
        found += faults(module, tree, names)
        judged += len(list(patterns(tree, names)))
    assert "\n".join(found) == ""
    assert judged > 20


def test_settings_are_checked_by_a_linear_engine() -> None:
    for module, _, tree in sources():
        named = [node.arg if isinstance(node, ast.keyword) else getattr(node, "value", "") for node in ast.walk(tree)]
        assert "regex_engine" not in named, module


EXPONENTIAL = [
    r"\A(a*)*b",
    r"(a+)+b",
    r"(a|a)*b",
    r"(a*)*b",
    r"(?:a|ab|b)*c",
    r"(\w+\s?)*!",
    r"(?:[a-z]{1,40} ?){1,40}x",
]
POLYNOMIAL = [
    *(r"\s+$", r"\s+x", r"^#{1,6}[ \t]+(.+?)[ \t#]*$", r"\d+\d+x", r"(?:a?){30}a{30}", r"<!--.*?-->", r"a.*b.*c"),
    *(r"\[([^\]]+)\]\([^)]*\)", r"(?:\.\d+)*\.", r"(.)\1", r"(a+b|a)", r"([\w.+-]+)@", r"\(.*?\)", r"(?m)^ *$"),
    *(r"(?i:a+A*b)", r"(x*y?)*z", r"\b\w+\s+\w+\b(?=\d)", r".*=.*", r"x(?=.*y)", r"a(?:b|ab)*c(?!d)", r"(?i)k+ſ"),
]
LINEAR = [
    *(r"x(?=\s*y)", r"\W+", r"\s+", r"[a-z-]{1,40}", r"\A[\x20-\x7e\n\t]*\Z", r"^[ \t]+", r"\d+(\.\d+)?", r"a|b|cd"),
    *(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{1,12}\.[A-Za-z0-9_-]{64}", r"\$\{(\w+)\}", r"\r\n?|\n", r"\[(\d{1,3})\]"),
    *(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", r"LK-\w{1,20}", r"\[\[[^\[\]]*\]\]", r"[^\W_]+(?:[-'’.][^\W_]+)*"),
    r",? (?:\d[\d.]* (?:ms|s|min)|less than \d+ m?s) earlier",
]


@pytest.mark.parametrize("pattern", [*EXPONENTIAL, *POLYNOMIAL])
def test_a_planted_pattern_is_found(pattern: str) -> None:
    assert reasons(pattern)


@pytest.mark.parametrize("pattern", EXPONENTIAL)
def test_the_worst_is_told_as_such(pattern: str) -> None:
    assert any(reason.startswith("exponential") for reason in reasons(pattern))


@pytest.mark.parametrize("pattern", LINEAR)
def test_a_harmless_pattern_is_not_reported(pattern: str) -> None:
    assert reasons(pattern) == []


@pytest.mark.parametrize(
    "text",
    [
        "import re\nA = re.compile(r'\\s+$')",
        "import re\nA = r'\\s+'\nB = re.compile(rf'{A}x')",
        "import re\nA = ['a', r'\\s+x']\ndef f(text): return re.sub('|'.join(A), '', text)",
        "import re\ndef f(text, flags): return re.search(r'(?:a|A)*b', text, re.IGNORECASE)",
        "import re\ndef f(words): return re.compile(r'[\\W_]*'.join(map(re.escape, words)))",
        "import re\ndef f(words): return re.compile('.*'.join(re.escape(word) for word in words))",
        "import re\nclass A:\n    b = re.compile(b'a+b')",
    ],
)
def test_a_planted_pattern_is_found_in_code(text: str) -> None:
    names: dict[str, Any] = {}
    exec(text, names)
    assert faults("planted", ast.parse(text), names)


@pytest.mark.parametrize(
    "text", ["import re\ndef f(given): return re.compile(given)", "from re import compile", "import re as x"]
)
def test_what_cannot_be_judged_is_no_pass(text: str) -> None:
    with pytest.raises(NameError):
        faults("planted", ast.parse(text), {"re": re})


def test_pieces_that_are_escaped_may_be_alternatives() -> None:
    text = "import re\ndef f(words): return re.compile('|'.join(map(re.escape, words)) + re.escape(words[0]))"
    assert faults("planted", ast.parse(text), {"re": re}) == []
