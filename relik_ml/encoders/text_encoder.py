"""Encodes texts as vectors: adds prefixes, tokenises, batches and runs the bi-encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from relik_ml.e5 import resolve
from relik_ml.encoders.tokenizer import load_tokenizer, save_tokenizer
from relik_ml.errors import ModelError
from relik_ml.index import Floats
from relik_ml.models import BiEncoder, on_device

Side = Literal["query", "passage"]

QUERY, PASSAGE = "query: ", "passage: "  # as in the training of multilingual-E5
SETTINGS = "text_encoder.json"
_SETTINGS = ("query_prefix", "passage_prefix", "max_length")


class TextEncoder:
    """A bi-encoder with its tokenizer: a `PassageEncoder` over any transformer.

    ``truncated`` counts the texts that were cut at ``max_length`` tokens since construction.
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

        ``settings`` override the prefixes and the length that `save_pretrained` wrote.

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
        """SHA-256 of weights, tokenizer, prefixes and length. Computed at each call: training changes the weights."""
        settings = [self.query_prefix, self.passage_prefix, self.max_length]
        # Truncation and padding are those of the last call, so they are left out.
        tokenizer = json.loads(self.tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}
        digest = hashlib.sha256(json.dumps(settings).encode() + json.dumps(tokenizer, sort_keys=True).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            array = tensor.detach().cpu().float().contiguous().numpy()
            digest.update(f"{name} {array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def queries(self, texts: Sequence[str]) -> Floats:
        """Encode queries: (N, D) unit vectors, float32."""
        return self._encode(self.prefixed(texts, "query"))

    def passages(self, texts: Sequence[str]) -> Floats:
        """Encode passages: (N, D) unit vectors, float32."""
        return self._encode(self.prefixed(texts, "passage"))

    def prefixed(self, texts: Sequence[str], side: Side) -> list[str]:
        """The texts with the prefix of queries or of passages: input of `lengths` and `tokens`."""
        prefix = self.query_prefix if side == "query" else self.passage_prefix
        return [prefix + text for text in texts]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each prefixed text, special tokens included, at most ``max_length``."""
        return [len(ids) for ids in self._tokenised(texts)["input_ids"]]

    def _tokenised(self, texts: Sequence[str], **settings: Any) -> Any:
        """Tokenise. The tokenizer refuses lone surrogates, so they become question marks."""
        encodable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        limits = {"truncation": True, "max_length": self.max_length, "split_special_tokens": True}
        return self.tokenizer(encodable, **limits, **settings)

    def _encode(self, texts: Sequence[str]) -> Floats:
        """Encode prefixed texts in batches of similar length; rows are in the order of the texts."""
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
        """Token ids and attention mask of prefixed texts, both (N, T), on the model's device.

        A ``</s>`` or ``<mask>`` in a text never becomes a special token. ``split_special_tokens`` does not ensure
        this: a Unigram model has them in its vocabulary too, and XLM-R's normaliser turns ``＜/s＞`` into one.
        """
        batch = self._tokenised(texts, padding=True, return_special_tokens_mask=True, return_tensors="pt")
        if self.tokenizer.unk_token_id is not None:
            forged = (batch["special_tokens_mask"] == 0) & torch.isin(batch["input_ids"], self._special)
            batch["input_ids"][forged] = self.tokenizer.unk_token_id
        self.truncated += sum(bool(encoding.overflowing) for encoding in batch.encodings)
        device = next(self.model.parameters()).device
        return batch["input_ids"].to(device), batch["attention_mask"].to(device)


def _saved_settings(path: Path) -> dict[str, Any]:
    """Prefixes and length from a folder of ours; empty for a folder that another program wrote."""
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_bytes())
        return {name: record[name] for name in _SETTINGS}
    except (ValueError, KeyError, TypeError) as error:
        fix = f"write {', '.join(_SETTINGS)} into it, or remove it"
        raise ModelError("cannot read the encoder's settings", where=str(path), got=repr(error), fix=fix) from error
