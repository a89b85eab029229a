"""The weights inside WordLlama's wheel: vectors of texts without a network."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wordllama.inference import WordLlamaInference


@cache
def weights() -> WordLlamaInference:
    """16 MB of weights and the tokenizer, loaded once a process: they are the same for everybody, and only read."""
    with _root_logger_untouched():
        import wordllama
    return wordllama.WordLlama.load(
        config="l2_supercat",
        cache_dir=Path(wordllama.__file__).parent,
        dim=256,
        trunc_dim=256,
        disable_download=True,
    )


@contextmanager
def _root_logger_untouched() -> Iterator[None]:
    # wordllama calls logging.basicConfig when imported, which would turn on everybody's INFO lines.
    root, guard = logging.getLogger(), logging.NullHandler()
    root.addHandler(guard)
    try:
        yield
    finally:
        root.removeHandler(guard)
