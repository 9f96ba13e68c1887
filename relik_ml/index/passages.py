"""Entries as text, and what turns text into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from relik_ml.types import Entry

Floats = NDArray[np.float32]


@runtime_checkable
class PassageEncoder(Protocol):
    """Whatever turns queries and passages into comparable vectors."""

    @property
    def dimension(self) -> int:
        """The width D of the vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """A checksum of everything that decides the vectors, so that another encoder's index is refused."""
        ...

    def queries(self, texts: Sequence[str]) -> Floats:
        """Encode questions, such as windows of a document: (N, D) float32."""
        ...

    def passages(self, texts: Sequence[str]) -> Floats:
        """Encode rows of a knowledge source: (N, D) float32."""
        ...


def passage(entry: Entry) -> str:
    """The text that stands for an entry.

    >>> passage(Entry("Q7747", "entity", "Владимир Путин", "президент России"))
    'Владимир Путин: президент России'
    >>> passage(Entry("Q649", "entity", "Москва"))
    'Москва'
    """
    return f"{entry.name}: {entry.text}" if entry.text else entry.name
