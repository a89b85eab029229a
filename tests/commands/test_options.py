"""The same thing has the same option in every command: one name, one help text, one meaning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.commands import COMMANDS, _loaded

NO_RESULT = {"run", "chat"}
"""One serves until it is stopped, the other talks."""


def commands() -> Iterator[tuple[str, list[Any]]]:
    """Each that can be called, with its options."""
    for name in COMMANDS:
        loaded = _loaded(name)
        for word, one in getattr(loaded, "commands", {"": loaded}).items():
            yield f"{name} {word}".strip(), [option for option in one.params if option.param_type_name == "option"]


ALL = dict(commands())


def test_an_option_means_the_same_wherever_it_is() -> None:
    said = defaultdict[str, dict[tuple[object, ...], str]](dict)
    for command, options in ALL.items():
        for option in options:
            said[option.opts[0]][option.help, option.metavar, option.is_flag, option.multiple] = command
    assert {name: told for name, told in said.items() if len(told) > 1} == {}
    names = defaultdict[str, set[str]](set)
    for name, told in said.items():
        for help_text, *_ in told:
            names[str(help_text)].add(name)
    assert {help_text: same for help_text, same in names.items() if len(same) > 1} == {}
    assert all(help_text.rstrip(".").strip() and help_text.endswith(".") for help_text in names)


def test_every_command_that_has_a_result_gives_it_as_json() -> None:
    without = {command for command, options in ALL.items() if "--json" not in {option.opts[0] for option in options}}
    assert without == NO_RESULT


def test_a_switch_has_one_name_and_is_off_and_a_path_says_what_it_is_of() -> None:
    paths = []
    for command, options in ALL.items():
        for option in options:
            if option.is_flag:
                assert (option.secondary_opts, bool(option.default)) == ([], False), (command, option.opts)
            elif option.type_descriptor.annotation is Path:
                paths.append(option.opts[0])
                assert option.metavar in ("FILE", "FOLDER"), (command, option.opts)
    assert {"--json", "--spec", "--keep", "--folder"} <= set(paths)


def test_they_are_all_walked() -> None:
    assert {command.partition(" ")[0] for command in ALL} == COMMANDS.keys()
    assert {"simulate", "sessions scan", "bench served"} <= ALL.keys()
