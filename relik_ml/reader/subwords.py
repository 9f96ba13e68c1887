"""Words and passages as ids of subwords. Words are read one by one, so no subword belongs to two of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set
from functools import lru_cache
from itertools import pairwise

from relik_ml.types import Token, Window

WORD = 6
"""Subwords of a word that are read: what is longer is hardly a word, and a page of it would not fit any encoder."""


class Subwords:
    """Texts → ids of ordinary subwords: a ``</s>`` written in a text is text.

    ``encode`` gives the ids of a text without special tokens around it. ``space`` is the id of a lone ``▁``, where the
    vocabulary has one. ``cut`` counts the different words that were read and those that were cut.
    """

    def __init__(
        self, encode: Callable[[str], Sequence[int]], special: Set[int], unknown: int, space: int | None
    ) -> None:
        self._encode, self._special, self._unknown, self._space = encode, special, unknown, space
        self.cut = Counter[str]()
        self._word = lru_cache(maxsize=100_000)(self._read_word)

    def __call__(self, text: str) -> tuple[int, ...]:
        """The subwords of a text, whose lone surrogates count as question marks."""
        encodable = text.encode("utf-8", "replace").decode("utf-8")
        # Tokenizers are told not to look for special tokens, but a Unigram model has them in its vocabulary as well.
        return tuple(self._unknown if id in self._special else id for id in self._encode(encodable))

    def of_window(self, window: Window) -> list[tuple[int, ...]]:
        """The subwords of each token, at least one and at most ``WORD``."""
        before = Token(-1, -1, "")
        return [self._word(token.text, last.stop < token.start) for last, token in pairwise((before, *window.tokens))]

    def _read_word(self, text: str, spaced: bool) -> tuple[int, ...]:
        """SentencePiece puts its ``▁`` before every word; where the text has no space and the mark is a subword of its
        own, it goes. A soft hyphen may leave nothing at all, and the unknown subword stands for it."""
        ids = self(f" {text}" if spaced else text)
        if ids[:1] == (self._space,) and (not spaced or len(ids) == 1):
            ids = ids[1:]
        self.cut.update(words=1, **{"words cut": len(ids) > WORD})
        return ids[:WORD] or (self._unknown,)
