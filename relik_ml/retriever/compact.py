"""The compact bi-encoder over texts: a ``PassageEncoder`` that needs no tokenizer but the lexicon."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from relik_ml.errors import ModelError
from relik_ml.models.compact import BagEncoder
from relik_ml.models.weights import load_packed, save_packed
from relik_ml.retriever.encode import Embed, Floats
from relik_ml.text.lexicon import Lexicon

QUERY_WORDS, PASSAGE_WORDS = 512, 32
"""Words read of a window and of a passage."""

_BATCH = 256
_REMEMBERED = 1 << 18  # texts whose words are looked up once: training meets the same passages again and again

WORDS, VECTORS, WEIGHTS = "words.json", "words.safetensors", "retriever.safetensors"


class CompactTextEncoder:
    """Texts → unit vectors. Words without a vector are passed over."""

    def __init__(self, model: BagEncoder, lexicon: Lexicon) -> None:
        self.model, self.lexicon = model.eval(), lexicon
        self._forms = lru_cache(_REMEMBERED)(lexicon.forms)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> CompactTextEncoder:
        """Read what ``save_pretrained`` wrote.

        Raises:
            ModelError: the folder holds no compact encoder.
        """
        try:
            lexicon = Lexicon.from_json(json.loads((Path(folder) / WORDS).read_text(encoding="utf-8")))
            vectors = load_packed(Path(folder) / VECTORS)["vectors"]
            state = load_file(Path(folder) / WEIGHTS)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            fix = "train one with recipes/retriever_ru.py --preset compact, or copy the folder again"
            raise ModelError("no compact encoder", where=str(folder), got=str(error), fix=fix) from None
        encoder = cls.untrained(lexicon, vectors, len(state["query.bias"]))
        encoder.model.load_state_dict(state, strict=False)
        return encoder

    @classmethod
    def untrained(cls, lexicon: Lexicon, vectors: Tensor, dimension: int) -> CompactTextEncoder:
        """A new one over frozen word vectors (V, W), whose own have the width ``dimension``."""
        table = nn.Embedding(vectors.shape[0], vectors.shape[1], padding_idx=0)
        with torch.no_grad():
            table.weight.requires_grad_(False).copy_(vectors)
        return cls(BagEncoder(table, dimension), lexicon)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write vocabulary, word vectors (int8) and weights into ``folder``.

        Word vectors that ``models.weights.packed`` has not been over are rounded by it.
        """
        words = json.dumps(self.lexicon.to_json(), ensure_ascii=False)
        (Path(folder) / WORDS).write_bytes(words.encode("utf-8", "backslashreplace"))  # lone surrogates are possible
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        save_packed({"vectors": state.pop("vectors.weight")}, Path(folder) / VECTORS)
        save_file(state, Path(folder) / WEIGHTS)

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
        return self.defer_queries(texts)()

    def embed_passages(self, texts: Sequence[str]) -> Tensor:
        """(N, D) with gradient."""
        return self.defer_passages(texts)()

    def defer_queries(self, texts: Sequence[str]) -> Embed:
        """``embed_queries``, to be computed when it is called, as often as it is, over words found once."""
        return partial(self.model.queries, self._words(texts, QUERY_WORDS))

    def defer_passages(self, texts: Sequence[str]) -> Embed:
        """``embed_passages``, to be computed when it is called, as often as it is, over words found once."""
        return partial(self.model.passages, self._words(texts, PASSAGE_WORDS))

    def query_lengths(self, texts: Sequence[str]) -> list[int]:
        """Words of each question that the network reads."""
        return [len(self._forms(text, QUERY_WORDS)) for text in texts]

    def passage_lengths(self, texts: Sequence[str]) -> list[int]:
        """Words of each passage that the network reads."""
        return [len(self._forms(text, PASSAGE_WORDS)) for text in texts]

    def _words(self, texts: Sequence[str], limit: int) -> Tensor:
        """(N, L) word rows, 0 where padded."""
        rows = [torch.tensor(self._forms(text, limit) or [0]) for text in texts]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return padded.to(self.model.query.weight.device)

    def _encode(self, texts: Sequence[str], embed: Callable[[Sequence[str]], Tensor]) -> Floats:
        with torch.inference_mode():
            parts = [embed(texts[start : start + _BATCH]).cpu().numpy() for start in range(0, len(texts), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)
