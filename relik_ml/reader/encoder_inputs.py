"""Inputs of the encoders: subwords of windows and of passages.

Words are tokenised one by one, so no subword spans two of them. An encoder reads a window and its passages jointly, in
one sequence (`JointInputs`), or apart from each other (`ApartInputs`).
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np

from relik_ml.config import JointConfig
from relik_ml.errors import ConfigError, ModelError
from relik_ml.network import Array
from relik_ml.types import Candidate, Entry, Retrieved, Token, Window

WORD = 6
"""Subwords of a word after which it is cut. A longer word is mostly a run of characters that would fill a window."""
NAME, TEXT = 12, 24
"""Subwords after which `ApartInputs` cuts a name and a text: names are short, and the first facts matter most."""
JOINT_FRAME = 5
"""What a joint sequence holds besides the window and the candidates: ``[CLS]``, three ``[SEP]`` and ``<ST_0>``."""
APART_FRAME = 2
"""``<s>`` and ``</s>`` around a window that is read apart."""


class Inputs(ABC):
    """Base class: makes the input arrays of one kind of encoder.

    ``cut`` counts, since construction, the candidates that were dropped and, of the different words and passages,
    those that were cut short.
    """

    tokenizer: Any
    """The tokenizer as it was given, to be saved."""

    def __init__(self, tokenizer: Any, unknown: int) -> None:
        """``tokenizer`` is a ``tokenizers.Tokenizer``, ``unknown`` the id that replaces unknown and special tokens."""
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        self._tokenizer, self._unknown, self._space = tokenizer, unknown, tokenizer.token_to_id("▁")
        self._special = {id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self.cut = Counter[str]()
        self._word = lru_cache(maxsize=100_000)(self._read_word)
        self._passage = lru_cache(maxsize=100_000)(self._read_passage)

    @abstractmethod
    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """The same windows with the best candidates that the encoder has room for; no window is dropped.

        Raises ``ConfigError`` when a window alone is too long.
        """

    @abstractmethod
    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Array]:
        """Everything of ``ReaderBatch.inputs``."""

    @abstractmethod
    def length(self, item: Retrieved) -> int:
        """Subwords of the sequence that the encoder reads for a fitted window."""

    @abstractmethod
    def _read_passage(self, entry: Entry) -> Any: ...

    def subwords(self, text: str) -> tuple[int, ...]:
        """Ids of a text without special tokens: a ``</s>`` written in it is text, a lone surrogate a question mark."""
        encodable = text.encode("utf-8", "replace").decode("utf-8")
        ids = self._tokenizer.encode(encodable, add_special_tokens=False).ids
        # Tokenizers do not look for special tokens here, but a Unigram model has them in its vocabulary as well.
        return tuple(self._unknown if id in self._special else id for id in ids)

    def words(self, window: Window) -> list[tuple[int, ...]]:
        """The subwords of each token, at least one and at most ``WORD``."""
        before = Token(-1, -1, "")
        return [self._word(token.text, last.stop < token.start) for last, token in pairwise((before, *window.tokens))]

    def _read_word(self, text: str, spaced: bool) -> tuple[int, ...]:
        """Tokenise a word. SentencePiece puts ``▁`` before it; if the text has no space there and the mark is a subword
        of its own, it is removed. A word without subwords, such as a soft hyphen, becomes the unknown subword."""
        ids = self.subwords(f" {text}" if spaced else text)
        if ids[:1] == (self._space,) and (not spaced or len(ids) == 1):
            ids = ids[1:]
        self.cut.update(words=1, **{"words cut": len(ids) > WORD})
        return ids[:WORD] or (self._unknown,)


class JointInputs(Inputs):
    """Inputs of ``models.JointEncoder``: a window and its passages as one sequence of ids.

    ``[CLS] q [SEP] <ST_0> <ST_1> e_1 … <ST_K> e_K [SEP] <ST_{K+1}> r_1 … <ST_{K+K'}> r_K' [SEP]``

    K is what the encoder was built for, so the symbols of the relations do not move with the number of candidates.
    ``tokenizer`` is a fast tokenizer of transformers, loaded with ``retriever.load_tokenizer``; a passage is cut after
    ``passage_length`` subwords.

    Raises ``ModelError`` when the tokenizer is not the encoder's.
    """

    def __init__(self, tokenizer: Any, config: JointConfig, passage_length: int = 24) -> None:
        super().__init__(tokenizer.backend_tokenizer, _id(tokenizer, "unk", "mask"))
        self.tokenizer, self.config, self.passage_length = tokenizer, config, passage_length
        if len(tokenizer) > config.first_symbol:
            got = f"{len(tokenizer)} subwords, the encoder knows {config.first_symbol}"
            raise ModelError("the tokenizer is not the encoder's", got=got, fix="load both from one folder")
        self._first, self._last = _id(tokenizer, "cls", "bos"), _id(tokenizer, "sep", "eos")
        self._padding = _id(tokenizer, "pad")

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """See ``Inputs``. Entities get the room that relations leave; the lowest-ranked of both are dropped first.

        Relations come first, because a dropped relation cannot be predicted for any pair. The hits of a dropped entity
        are dropped too. The method is idempotent.
        """
        return [self._fitted(item) for item in batch]

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Array]:
        """See ``JointEncoder`` for names and shapes. Raises ``ConfigError`` on a batch that was not fitted."""
        ids, words, entities, relations = zip(*map(self._row, batch), strict=True)
        longest, most = max(map(len, ids)), (self.config.entities, self.config.relations)
        crowded = any(len(item.entities) > most[0] or len(item.relations) > most[1] for item in batch)
        if longest > self.config.max_length or crowded:
            got = f"{longest} subwords of {self.config.max_length}"
            raise ConfigError("a window has more candidates than fit", got=got, fix="call fit(batch) first")
        return {
            "input_ids": pad(ids, self._padding),
            "attention_mask": pad([[1] * len(row) for row in ids]),
            "words": pad(words),
            "entities": pad(entities),
            "relations": pad(relations),
        }

    def length(self, item: Retrieved) -> int:
        """See ``Inputs``."""
        return len(self._row(item)[0])

    def _fitted(self, item: Retrieved) -> Retrieved:
        count = sum(map(len, self.words(item.window)))
        room = self.config.max_length - JOINT_FRAME - count
        if room < 0:
            raise _too_long(item.window, f"in {count} subwords; there is room for {count + room}")
        relations = self._prefix(item.relations[: self.config.relations], room)
        entities = self._prefix(item.entities[: self.config.entities], room - sum(map(self._size, relations)))
        self.cut["entities dropped"] += len(item.entities) - len(entities)
        self.cut["relations dropped"] += len(item.relations) - len(relations)
        hits = tuple(hit for hit in item.hits if hit.candidate < len(entities))
        return replace(item, entities=entities, relations=relations, hits=hits)

    def _prefix(self, candidates: tuple[Candidate, ...], room: int) -> tuple[Candidate, ...]:
        return candidates[: sum(size <= room for size in accumulate(map(self._size, candidates)))]

    def _size(self, candidate: Candidate) -> int:
        return 1 + len(self._passage(candidate.entry))

    def _row(self, item: Retrieved) -> tuple[list[int], list[int], list[int], list[int]]:
        """Ids of one sequence, and the positions of words, entities and relations in it."""
        symbol = self.config.first_symbol
        entities = [(), *(self._passage(candidate.entry) for candidate in item.entities)]
        relations = [self._passage(candidate.entry) for candidate in item.relations]
        ids, starts = [self._first], []
        for parts in (
            self.words(item.window),
            [(symbol + number, *passage) for number, passage in enumerate(entities)],
            [(symbol + number, *passage) for number, passage in enumerate(relations, 1 + self.config.entities)],
        ):
            starts.append(_starts(parts, len(ids)))
            ids += [*chain.from_iterable(parts), self._last]
        return ids, starts[0], starts[1], starts[2]

    def _read_passage(self, entry: Entry) -> tuple[int, ...]:
        ids = self.subwords(f"{entry.name}: {entry.text}" if entry.text else entry.name)
        self.cut.update(passages=1, **{"passages cut": len(ids) > self.passage_length})
        return ids[: self.passage_length]


class ApartInputs(Inputs):
    """Inputs of ``models.ApartEncoder``: ids of each window, and of each different passage once per batch.

    ``tokenizer`` is a ``tokenizers.Tokenizer`` with ``<s>``, ``</s>``, ``<pad>`` and ``<unk>``; a window has at most
    ``max_length`` subwords.
    """

    def __init__(self, tokenizer: Any, types: Sequence[Entry], max_length: int) -> None:
        super().__init__(tokenizer, tokenizer.token_to_id("<unk>"))
        self.tokenizer, self.types, self.max_length = tokenizer, tuple(types), max_length
        self._first, self._last, self._padding = map(tokenizer.token_to_id, ("<s>", "</s>", "<pad>"))

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """All candidates: passages are read one by one, so any number fits."""
        for item in batch:
            if len(item.window.tokens) > self.max_length - APART_FRAME:
                raise _too_long(item.window, f"of {self.max_length - APART_FRAME} that there is room for")
        return list(batch)

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Array]:
        """See ``ApartEncoder`` for names and shapes."""
        numbers: dict[Entry, int] = {}

        def number(entries: Sequence[Entry]) -> list[int]:
            return [numbers.setdefault(entry, len(numbers)) for entry in entries]

        types = number(self.types)
        entities = [[0, *number([candidate.entry for candidate in item.entities])] for item in batch]
        relations = [number([candidate.entry for candidate in item.relations]) for item in batch]
        names, texts = zip(*map(self._passage, numbers), strict=True)
        windows = [self._fitted(item.window) for item in batch]
        full = [sum(map(len, self.words(item.window))) + APART_FRAME for item in batch]
        self.cut.update({"windows": len(batch), "windows cut": sum(size > self.max_length for size in full)})
        rows = [[self._first, *chain.from_iterable(words), self._last] for words in windows]
        return {
            "ids": pad(rows, self._padding),
            "mask": pad([[1] * len(row) for row in rows]),
            "words": pad([_starts(words, 1) for words in windows]),
            "names": pad(names, self._padding),
            "texts": pad(texts, self._padding),
            "types": np.array(types, np.int64),
            "entities": pad(entities),
            "relations": pad(relations),
        }

    def length(self, item: Retrieved) -> int:
        """See ``Inputs``."""
        return sum(map(len, self._fitted(item.window))) + APART_FRAME

    def _fitted(self, window: Window) -> list[tuple[int, ...]]:
        """The subwords of each word; where they are too many, the first ones of each, as many as fit."""
        words = self.words(window)
        if sum(map(len, words)) + APART_FRAME <= self.max_length:
            return words
        most = max(map(len, words))
        while sum(min(len(word), most) for word in words) + APART_FRAME > self.max_length and most > 1:
            most -= 1
        return [word[:most] for word in words]

    def _read_passage(self, entry: Entry) -> tuple[tuple[int, ...], tuple[int, ...]]:
        name, text = self.subwords(entry.name), self.subwords(entry.text)
        self.cut.update(passages=1, **{"passages cut": len(name) > NAME or len(text) > TEXT})
        return name[:NAME], text[:TEXT]


def pad(rows: Sequence[Sequence[int]], value: int = 0) -> Array:
    """Rows of unequal length as one (N, longest) array."""
    width = max(map(len, rows), default=0)
    return np.array([[*row, *[value] * (width - len(row))] for row in rows], np.int64).reshape(len(rows), width)


def _starts(parts: Sequence[Sequence[int]], first: int) -> list[int]:
    """Positions at which the parts of a sequence begin, the first one at ``first``."""
    return [*accumulate(map(len, parts), initial=first)][:-1]


def _too_long(window: Window, got: str) -> ConfigError:
    where = f"document {window.document.id!r}, characters {window.start} to {window.stop}"
    got = f"{len(window.tokens)} tokens {got}"
    return ConfigError("the window is longer than the encoder can read", where=where, got=got, fix="smaller windows")


def _id(tokenizer: Any, *names: str) -> int:
    """The first of these special tokens that the tokenizer has."""
    found = [id for name in names if (id := getattr(tokenizer, f"{name}_token_id")) is not None]
    if not found:
        fix = "name it in tokenizer_config.json"
        raise ModelError("the tokenizer lacks a special token", got=f"no {'_token, no '.join(names)}_token", fix=fix)
    return int(found[0])
