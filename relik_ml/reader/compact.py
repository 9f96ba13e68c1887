"""The compact encoder's inputs: words by their features, passages by their words, each worked out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from relik_ml.text.lexicon import Lexicon
from relik_ml.types import Entry, Retrieved

NAME_WORDS, TEXT_WORDS = 8, 24
"""Words of a passage that are read: names are short, and the first facts tell most."""


class CompactInputs:
    """``ReaderBatch.inputs`` for ``models.compact.CompactEncoder``.

    ``cut`` counts the different passages that were read in part only, since construction.
    """

    def __init__(self, lexicon: Lexicon, types: Sequence[Entry]) -> None:
        self.lexicon, self.types = lexicon, tuple(types)
        self.cut = Counter[str]()
        self._passage = lru_cache(maxsize=100_000)(self._read)

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """All candidates: passages are read one by one, so any number fits."""
        return list(batch)

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Tensor]:
        """See ``CompactEncoder`` for names and shapes."""
        places: dict[tuple[str, str], int] = {}
        entries: list[Entry] = []

        def place(entry: Entry) -> int:
            if (entry.kind, entry.id) not in places:
                places[entry.kind, entry.id] = len(entries)
                entries.append(entry)
            return places[entry.kind, entry.id]

        types = [place(entry) for entry in self.types]
        entities = [[0, *(place(candidate.entry) for candidate in item.entities)] for item in batch]
        relations = [[place(candidate.entry) for candidate in item.relations] for item in batch]
        names, texts = zip(*(self._passage(entry) for entry in entries), strict=True)
        return {
            **self._words(batch),
            "names": pad(names),
            "texts": pad(texts),
            "types": torch.tensor(types),
            "entities": pad(entities),
            "relations": pad(relations),
        }

    def _words(self, batch: Sequence[Retrieved]) -> dict[str, Tensor]:
        words = [[self.lexicon.word(token.text) for token in item.window.tokens] for item in batch]
        forms = pad([[word.form for word in line] for line in words])
        bases = pad([[word.base for word in line] for line in words])
        grammemes = torch.zeros(*forms.shape, len(self.lexicon.grammemes))
        each = ((row, column, word) for row, line in enumerate(words) for column, word in enumerate(line))
        at = [(row, column, place) for row, column, word in each for place in word.grammemes]
        grammemes[tuple(torch.tensor(at, dtype=torch.long).view(-1, 3).unbind(1))] = 1.0
        return {
            "words": torch.stack([forms, bases], -1),
            "lemmas": pad([[word.lemma for word in line] for line in words]),
            "shapes": pad([[word.shape for word in line] for line in words]),
            "grammemes": grammemes,
        }

    def _read(self, entry: Entry) -> tuple[list[int], list[int]]:
        name = self.lexicon.forms(entry.name, NAME_WORDS + 1)
        text = self.lexicon.forms(entry.text, TEXT_WORDS + 1)
        self.cut.update(passages=1, **{"passages cut": len(name) > NAME_WORDS or len(text) > TEXT_WORDS})
        return name[:NAME_WORDS], text[:TEXT_WORDS]


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of unequal length as one (N, longest) tensor, zeros behind."""
    width = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], dtype=torch.long)
