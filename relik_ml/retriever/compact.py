"""The compact bi-encoder over texts: a ``PassageEncoder`` that needs no tokenizer but the lexicon."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from relik_ml.models.compact import BagEncoder
from relik_ml.retriever.encode import Floats
from relik_ml.text.lexicon import Lexicon

QUERY_WORDS, PASSAGE_WORDS = 512, 32
"""Words read of a window and of a passage."""

_BATCH = 256


class CompactTextEncoder:
    """Texts → unit vectors. Words without a vector are passed over."""

    def __init__(self, model: BagEncoder, lexicon: Lexicon) -> None:
        self.model, self.lexicon = model.eval(), lexicon

    @property
    def dimension(self) -> int:
        """The width D of the vectors."""
        return self.model.query.out_features

    @property
    def fingerprint(self) -> str:
        """sha256 over vocabulary and weights."""
        digest = hashlib.sha256("\n".join(self.lexicon.words).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + tensor.detach().cpu().float().numpy().tobytes())
        return digest.hexdigest()

    def queries(self, texts: Sequence[str]) -> Floats:
        """(N, D) float32."""
        return self._encode(texts, self.embed_queries)

    def passages(self, texts: Sequence[str]) -> Floats:
        """(N, D) float32."""
        return self._encode(texts, self.embed_passages)

    def embed_queries(self, texts: Sequence[str]) -> Tensor:
        """(N, D) with gradient."""
        return self.model.queries(self._words(texts, QUERY_WORDS))

    def embed_passages(self, texts: Sequence[str]) -> Tensor:
        """(N, D) with gradient."""
        return self.model.passages(self._words(texts, PASSAGE_WORDS))

    def _words(self, texts: Sequence[str], limit: int) -> Tensor:
        """(N, L) word rows, 0 where padded."""
        rows = [self.lexicon.forms(text, limit) for text in texts]
        padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(row or [0]) for row in rows], batch_first=True)
        return padded.to(self.model.query.weight.device)

    def _encode(self, texts: Sequence[str], embed: Callable[[Sequence[str]], Tensor]) -> Floats:
        with torch.inference_mode():
            parts = [embed(texts[start : start + _BATCH]).cpu().numpy() for start in range(0, len(texts), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)
