"""Text to vectors: prefixes, tokens, batches. The only place where the retriever's network meets strings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from relik_ml.e5 import resolve
from relik_ml.errors import ModelError
from relik_ml.index import Floats
from relik_ml.models import BiEncoder, on_device
from relik_ml.retriever.tokenizer import load_tokenizer, save_tokenizer

Embed = Callable[[], Tensor]

QUERY, PASSAGE = "query: ", "passage: "  # what multilingual-E5 was trained with
SETTINGS = "text_encoder.json"
_SETTINGS = ("query_prefix", "passage_prefix", "max_length")


class TextEncoder:
    """A bi-encoder with its tokenizer: a `PassageEncoder` over any transformer.

    ``truncated`` counts the texts, since construction, of which tokens beyond ``max_length`` were cut off.
    """

    def __init__(
        self,
        model: BiEncoder,
        tokenizer: Any,
        *,
        query_prefix: str = QUERY,
        passage_prefix: str = PASSAGE,
        max_length: int = 512,
        batch_size: int = 32,
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.query_prefix, self.passage_prefix = query_prefix, passage_prefix
        self.max_length, self.batch_size = min(max_length, tokenizer.model_max_length), batch_size
        self.truncated = 0

    @classmethod
    def from_pretrained(cls, name_or_folder: str | Path, *, device: str = "cpu", **settings: Any) -> TextEncoder:
        """Load weights and tokenizer from one folder or Hub name; ``settings`` go to the constructor.

        Prefixes and length that `save_pretrained` wrote are used unless ``settings`` say otherwise.

        Raises:
            ModelError: there is no usable encoder or tokenizer.
            ConfigError: there is no such device.
        """
        name_or_folder = resolve(name_or_folder)
        model = BiEncoder.from_pretrained(name_or_folder)
        saved = _saved_settings(Path(name_or_folder) / SETTINGS)
        return cls(on_device(model, device), load_tokenizer(name_or_folder), **(saved | settings))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write weights, tokenizer and settings to ``folder``, to be loaded by `from_pretrained` without a network."""
        self.model.save_pretrained(folder)
        save_tokenizer(self.tokenizer, folder)
        settings = {name: getattr(self, name) for name in _SETTINGS}
        (Path(folder) / SETTINGS).write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", "utf-8")

    @property
    def dimension(self) -> int:
        """The width D of the vectors."""
        return self.model.dimension

    @property
    def fingerprint(self) -> str:
        """sha256 over weights, tokenizer, prefixes and length; computed at every call, as training changes weights."""
        settings = [self.query_prefix, self.passage_prefix, self.max_length]
        digest = hashlib.sha256(json.dumps(settings).encode())
        digest.update(_described(self.tokenizer))
        for name, tensor in sorted(self.model.state_dict().items()):
            array = tensor.detach().cpu().float().contiguous().numpy()
            digest.update(f"{name} {array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def queries(self, texts: Sequence[str]) -> Floats:
        """Encode queries: (N, D) unit vectors, float32."""
        return self._encode(self._queries(texts))

    def passages(self, texts: Sequence[str]) -> Floats:
        """Encode passages: (N, D) unit vectors, float32."""
        return self._encode(self._passages(texts))

    def embed_queries(self, texts: Sequence[str]) -> Tensor:
        """(N, D) with gradient, in one batch."""
        return self.defer_queries(texts)()

    def embed_passages(self, texts: Sequence[str]) -> Tensor:
        """(N, D) with gradient, in one batch."""
        return self.defer_passages(texts)()

    def defer_queries(self, texts: Sequence[str]) -> Embed:
        """``embed_queries`` as a function that computes at every call; the texts are tokenised once."""
        return partial(self.model, *self.tokens(self._queries(texts)))

    def defer_passages(self, texts: Sequence[str]) -> Embed:
        """``embed_passages`` as a function that computes at every call; the texts are tokenised once."""
        return partial(self.model, *self.tokens(self._passages(texts)))

    def query_lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each query as the network reads it: prefix and special tokens counted, cut to the limit."""
        return self._lengths(self._queries(texts))

    def passage_lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each passage as the network reads it: prefix and special tokens counted, cut to the limit."""
        return self._lengths(self._passages(texts))

    def _queries(self, texts: Sequence[str]) -> list[str]:
        return [self.query_prefix + text for text in texts]

    def _passages(self, texts: Sequence[str]) -> list[str]:
        return [self.passage_prefix + text for text in texts]

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self._tokenised(texts)["input_ids"]] if texts else []

    def _tokenised(self, texts: Sequence[str], **settings: Any) -> Any:
        """What the tokenizer makes of the texts. Lone surrogates, which it refuses, become question marks."""
        encodable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        limits = {"truncation": True, "max_length": self.max_length, "split_special_tokens": True}
        return self.tokenizer(encodable, **limits, **settings)

    def _encode(self, texts: Sequence[str]) -> Floats:
        """Texts of like length go into one batch; the vectors come back in the order of the texts."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        training = self.model.training
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                vectors[rows] = self.model(*self.tokens([texts[row] for row in rows])).float().cpu().numpy()
        self.model.train(training)
        return vectors

    @cached_property
    def _special(self) -> Tensor:
        """Ids of the special tokens."""
        return torch.tensor([id for id, token in self.tokenizer.added_tokens_decoder.items() if token.special])

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask, both (N, T) tensors on the model's device; ``texts`` carry their prefix.

        A ``</s>`` or ``<mask>`` in a text never becomes a special token. ``split_special_tokens`` is not enough for
        that: a Unigram model has them in its vocabulary too, and XLM-R's normaliser makes one out of ``＜/s＞``.
        """
        batch = self._tokenised(texts, padding=True, return_special_tokens_mask=True, return_tensors="pt")
        if self.tokenizer.unk_token_id is not None:
            forged = (batch["special_tokens_mask"] == 0) & torch.isin(batch["input_ids"], self._special)
            batch["input_ids"][forged] = self.tokenizer.unk_token_id
        self.truncated += sum(bool(encoding.overflowing) for encoding in batch.encodings)
        device = next(self.model.parameters()).device
        return batch["input_ids"].to(device), batch["attention_mask"].to(device)


def _saved_settings(path: Path) -> dict[str, Any]:
    """Prefixes and length as they were saved; none in a folder that another program wrote."""
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_bytes())
        return {name: record[name] for name in _SETTINGS}
    except (ValueError, KeyError, TypeError) as error:
        fix = f"write {', '.join(_SETTINGS)} into it, or remove it"
        raise ModelError("cannot read the encoder's settings", where=str(path), got=repr(error), fix=fix) from error


def _described(tokenizer: Any) -> bytes:
    """A tokenizer as JSON, without the truncation and padding of its last call."""
    record = json.loads(tokenizer.backend_tokenizer.to_str())
    return json.dumps({**record, "truncation": None, "padding": None}, sort_keys=True).encode()
