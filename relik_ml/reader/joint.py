"""The joint encoder's inputs: a window and its passages as one sequence of ids, put together by number.

``[CLS] q [SEP] <ST_0> <ST_1> e_1 … <ST_K> e_K [SEP] <ST_{K+1}> r_1 … <ST_{K+K'}> r_K' [SEP]``

K is what the encoder was built for, so the symbols of the relations do not move with the number of candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from relik_ml.errors import ConfigError, ModelError
from relik_ml.models import JointConfig
from relik_ml.types import Candidate, Entry, Retrieved, Token, Window

FRAME = 5
"""What is always there besides the window: ``[CLS]``, three ``[SEP]`` and ``<ST_0>``."""

WORD = 6
"""Pieces of a word that are read: what is longer is hardly a word, and a page of it would not fit any encoder."""


class JointInputs:
    """``ReaderBatch.inputs`` for ``models.encoder.JointEncoder``.

    ``tokenizer`` is a fast tokenizer of transformers, loaded with ``retriever.tokenizer.load_tokenizer``; a passage is
    cut after ``passage_length`` pieces. ``cut`` counts the candidates that ``fit`` took away, and of the different
    passages and words those that were cut, all since construction.

    Raises ``ModelError`` when the tokenizer is not the encoder's.
    """

    def __init__(self, tokenizer: Any, config: JointConfig, passage_length: int = 24) -> None:
        self.tokenizer, self.config, self.passage_length = tokenizer, config, passage_length
        self.cut = Counter[str]()
        if len(tokenizer) > config.first_symbol:
            got = f"{len(tokenizer)} pieces, the encoder knows {config.first_symbol}"
            raise ModelError("the tokenizer is not the encoder's", got=got, fix="load both from one folder")
        self._first, self._last = _id(tokenizer, "cls", "bos"), _id(tokenizer, "sep", "eos")
        self._padding, self._unknown = _id(tokenizer, "pad"), _id(tokenizer, "unk", "mask")
        self._special = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
        space = tokenizer.convert_tokens_to_ids("▁")
        self._space = None if space == tokenizer.unk_token_id else space  # WordPiece and a BPE over bytes have none
        self._word = lru_cache(maxsize=100_000)(self._read_word)
        self._passage = lru_cache(maxsize=100_000)(self._read_passage)

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """The same windows with as many of their best candidates as the encoder can read.

        Relations go first, for one that is not read can be found between no two mentions; entities take what room
        they leave. Of both the last, which the retriever thought least of, are dropped and counted, and with an
        entity its hits. Fitting twice is fitting once.

        Raises ``ConfigError`` when a window alone is too long.
        """
        return [self._fitted(item) for item in batch]

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Tensor]:
        """See ``JointEncoder`` for names and shapes. Raises ``ConfigError`` on a batch that was not fitted."""
        rows = [self._row(item) for item in batch]
        ids, words, entities, relations = ([row[column] for row in rows] for column in range(4))
        longest = max(map(len, ids))
        if longest > self.config.max_length or any(map(self._too_many, batch)):
            got = f"{longest} pieces of {self.config.max_length}"
            raise ConfigError("a window has more candidates than fit", got=got, fix="call fit(batch) first")
        return {
            "input_ids": _pad(ids, self._padding),
            "attention_mask": _pad([[1] * len(row) for row in ids], 0),
            "words": _pad(words, 0),
            "entities": _pad(entities, 0),
            "relations": _pad(relations, 0),
        }

    def _fitted(self, item: Retrieved) -> Retrieved:
        pieces = sum(map(len, self._window(item.window)))
        room = self.config.max_length - FRAME - pieces
        if room < 0:
            raise ConfigError(
                "the window is longer than the encoder can read",
                where=f"document {item.window.document.id!r}, characters {item.window.start} to {item.window.stop}",
                got=f"{len(item.window.tokens)} tokens in {pieces} pieces; there is room for {pieces + room}",
                fix="smaller windows",
            )
        relations = self._prefix(item.relations[: self.config.relations], room)
        entities = self._prefix(item.entities[: self.config.entities], room - sum(map(self._size, relations)))
        self.cut["entities dropped"] += len(item.entities) - len(entities)
        self.cut["relations dropped"] += len(item.relations) - len(relations)
        hits = tuple(hit for hit in item.hits if hit.candidate < len(entities))
        return replace(item, entities=entities, relations=relations, hits=hits)

    def _too_many(self, item: Retrieved) -> bool:
        return len(item.entities) > self.config.entities or len(item.relations) > self.config.relations

    def _prefix(self, candidates: tuple[Candidate, ...], room: int) -> tuple[Candidate, ...]:
        return candidates[: sum(size <= room for size in accumulate(map(self._size, candidates)))]

    def _size(self, candidate: Candidate) -> int:
        return 1 + len(self._passage(candidate.entry))

    def _row(self, item: Retrieved) -> tuple[list[int], list[int], list[int], list[int]]:
        """Ids of one sequence, and the places of words, entities and relations in it."""
        ids = [self._first]
        words = self._extend(ids, self._window(item.window))
        ids.append(self._last)
        symbol = self.config.first_symbol
        passages = [(), *(self._passage(candidate.entry) for candidate in item.entities)]
        entities = self._extend(ids, [(symbol + place, *passage) for place, passage in enumerate(passages)])
        ids.append(self._last)
        symbol += 1 + self.config.entities
        passages = [self._passage(candidate.entry) for candidate in item.relations]
        relations = self._extend(ids, [(symbol + place, *passage) for place, passage in enumerate(passages)])
        ids.append(self._last)
        return ids, words, entities, relations

    @staticmethod
    def _extend(ids: list[int], parts: Sequence[tuple[int, ...]]) -> list[int]:
        """Put the parts behind the ids; where each begins."""
        places = []
        for part in parts:
            places.append(len(ids))
            ids.extend(part)
        return places

    def _window(self, window: Window) -> list[tuple[int, ...]]:
        """The pieces of each token, at least one."""
        before = Token(-1, -1, "")
        return [self._word(token.text, last.stop < token.start) for last, token in pairwise((before, *window.tokens))]

    def _read_word(self, text: str, spaced: bool) -> tuple[int, ...]:
        """A word's pieces, read apart from its neighbours, so that no piece belongs to two words.

        SentencePiece then puts its ``▁`` before every word; where the text has no space and the mark is a piece of
        its own, it goes. A soft hyphen may leave nothing at all, and an unknown piece stands for it.
        """
        ids = self._ids(f" {text}" if spaced else text)
        if ids[:1] == (self._space,) and (not spaced or len(ids) == 1):
            ids = ids[1:]
        self.cut.update(words=1, **{"words cut": len(ids) > WORD})
        return ids[:WORD] or (self._unknown,)

    def _read_passage(self, entry: Entry) -> tuple[int, ...]:
        ids = self._ids(f"{entry.name}: {entry.text}" if entry.text else entry.name)
        self.cut.update(passages=1, **{"passages cut": len(ids) > self.passage_length})
        return ids[: self.passage_length]

    def _ids(self, text: str) -> tuple[int, ...]:
        """Ordinary pieces only: a ``[SEP]`` or ``</s>`` written in a text is text.

        The tokenizer is told so, but a Unigram model has these in its vocabulary as well and finds them again.
        """
        encodable = text.encode("utf-8", "replace").decode("utf-8")
        ids = self.tokenizer(encodable, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return tuple(self._unknown if id in self._special else id for id in ids)


def _id(tokenizer: Any, *names: str) -> int:
    """The first of these special tokens that the tokenizer has."""
    found = [id for name in names if (id := getattr(tokenizer, f"{name}_token_id")) is not None]
    if not found:
        fix = "name it in tokenizer_config.json"
        raise ModelError("the tokenizer lacks a special token", got=f"no {'_token, no '.join(names)}_token", fix=fix)
    return int(found[0])


def _pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Rows of unequal length as one (N, longest) tensor."""
    tensors = [torch.tensor(row, dtype=torch.long) for row in rows]
    return pad_sequence(tensors, batch_first=True, padding_value=value)
