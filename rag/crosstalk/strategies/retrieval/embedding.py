"""Vectors of texts, from the weights inside wordllama's wheel: no network, a tenth of a millisecond a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rag.weights import weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]


class Embedding:
    def __init__(self) -> None:
        self.model = weights()

    def __call__(self, texts: Sequence[str]) -> Vector:
        """Shape (len(texts), 256): unit vectors."""
        import numpy as np

        vectors = self.model.embed(list(texts), norm=False)
        return cast("Vector", vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
