"""Vectors of texts, from the weights inside wordllama's wheel: no network, a tenth of a millisecond a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]


@cache
def weights() -> Any:
    """Read once a process: they are the same for everybody, and never change."""
    import wordllama

    return wordllama.WordLlama.load(
        config="l2_supercat",
        cache_dir=Path(wordllama.__file__).parent,
        dim=256,
        trunc_dim=256,
        disable_download=True,
    )


class Embedding:
    def __init__(self) -> None:
        self.model = weights()

    def __call__(self, texts: Sequence[str]) -> Vector:
        """Shape (len(texts), 256): unit vectors."""
        import numpy as np

        vectors = self.model.embed(list(texts), norm=False)
        return cast("Vector", vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
