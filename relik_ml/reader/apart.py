"""Inputs of the encoder that reads windows and passages apart: ids of the window, and of each passage once a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from relik_ml.errors import ConfigError
from relik_ml.reader.subwords import Subwords
from relik_ml.types import Entry, Retrieved, Window

NAME, TEXT = 12, 24
"""Subwords of a passage that are read: names are short, and the first facts tell most."""
FRAME = 2
"""``<s>`` and ``</s>`` around the window."""


class ApartInputs:
    """``ReaderBatch.inputs`` for ``models.apart.ApartEncoder``.

    ``tokenizer`` is a ``tokenizers.Tokenizer`` with ``<s>``, ``</s>``, ``<pad>`` and ``<unk>``; a window has at most
    ``max_length`` subwords. ``cut`` counts the different words and passages that were read in part only.
    """

    def __init__(self, tokenizer: Any, types: Sequence[Entry], max_length: int) -> None:
        self.tokenizer, self.types, self.max_length = tokenizer, tuple(types), max_length
        tokenizer.encode_special_tokens = True
        ids = {name: tokenizer.token_to_id(name) for name in ("<s>", "</s>", "<pad>", "<unk>")}
        self._first, self._last, self._padding, unknown = ids.values()
        special = {id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self.subwords = Subwords(
            lambda text: tokenizer.encode(text, add_special_tokens=False).ids, special, unknown,
            tokenizer.token_to_id("▁"),
        )  # fmt: skip
        self._passage = lru_cache(maxsize=100_000)(self._read)

    @property
    def cut(self) -> Counter[str]:
        """What was cut short since construction, and out of how many."""
        return self.subwords.cut

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """All candidates: passages are read one by one, so any number fits.

        Raises ``ConfigError`` when a window has more words than there are places.
        """
        for item in batch:
            if (words := len(item.window.tokens)) > self.max_length - FRAME:
                where = f"document {item.window.document.id!r}, characters {item.window.start} to {item.window.stop}"
                got = f"{words} tokens; there is room for {self.max_length - FRAME}"
                raise ConfigError(
                    "the window is longer than the encoder can read", where=where, got=got, fix="smaller windows"
                )
        return list(batch)

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Tensor]:
        """See ``ApartEncoder`` for names and shapes."""
        numbers: dict[Entry, int] = {}
        types = [numbers.setdefault(entry, len(numbers)) for entry in self.types]
        entities = [
            [0, *(numbers.setdefault(candidate.entry, len(numbers)) for candidate in item.entities)] for item in batch
        ]
        relations = [
            [numbers.setdefault(candidate.entry, len(numbers)) for candidate in item.relations] for item in batch
        ]
        names, texts = zip(*map(self._passage, numbers), strict=True)
        windows = [self._fitted(item.window) for item in batch]
        rows = [[self._first, *(id for word in words for id in word), self._last] for words in windows]
        return {
            "ids": pad(rows, self._padding),
            "mask": pad([[1] * len(row) for row in rows]),
            "words": pad([[*accumulate(map(len, words[:-1]), initial=1)] for words in windows]),
            "names": pad(names, self._padding),
            "texts": pad(texts, self._padding),
            "types": torch.tensor(types),
            "entities": pad(entities),
            "relations": pad(relations),
        }

    def _fitted(self, window: Window) -> list[tuple[int, ...]]:
        """The subwords of each word; where they are too many, the first ones of each, as many as fit."""
        words = self.subwords.of_window(window)
        most = max(map(len, words), default=1)
        while sum(min(len(word), most) for word in words) + FRAME > self.max_length and most > 1:
            most -= 1
        self.subwords.cut.update(windows=1, **{"windows cut": any(len(word) > most for word in words)})
        return [word[:most] for word in words]

    def _read(self, entry: Entry) -> tuple[tuple[int, ...], tuple[int, ...]]:
        name, text = self.subwords(entry.name), self.subwords(entry.text)
        self.subwords.cut.update(passages=1, **{"passages cut": len(name) > NAME or len(text) > TEXT})
        return name[:NAME], text[:TEXT]


def pad(rows: Sequence[Sequence[int]], value: int = 0) -> Tensor:
    """Rows of unequal length as one (N, longest) tensor."""
    width = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.long)
