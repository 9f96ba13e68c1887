"""The retriever's text encoder as a graph that ONNX Runtime executes."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relik_ml.errors import ModelError
from relik_ml.network import ENCODE, Array
from relik_ml.runtime.session import open_session
from relik_ml.text import SavedTokenizer

BATCH = 32


class OnnxTextEncoder:
    """A ``PassageEncoder``: the bi-encoder of a model folder with its tokenizer."""

    def __init__(self, folder: Path) -> None:
        """Read the folder. ModelError when it has no graph."""
        if not (folder / ENCODE).exists():
            fix = f"relik-ml bundle onnx {folder.parent}"
            raise ModelError("the retriever has no graph for ONNX Runtime", where=str(folder), got="none", fix=fix)
        self.folder, self._session = folder, open_session(folder / ENCODE)
        self._saved = SavedTokenizer(folder)
        self._settings: dict[str, Any] = json.loads((folder / "text_encoder.json").read_bytes())
        self._tokenizer = self._saved.backend_tokenizer
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(min(self._settings["max_length"], self._saved.model_max_length))
        tokens = self._tokenizer.get_added_tokens_decoder()
        self._special = [id for id, token in tokens.items() if token.special]

    @property
    def dimension(self) -> int:
        """The width D of the vectors."""
        return int(self._session.get_outputs()[0].shape[1])

    @property
    def fingerprint(self) -> str:
        """That of the encoder from which the graph was made."""
        return str(self._settings["fingerprint"])

    def queries(self, texts: Sequence[str]) -> Array:
        """Encode queries: (N, D) unit vectors, float32."""
        return self._encode([self._settings["query_prefix"] + text for text in texts])

    def passages(self, texts: Sequence[str]) -> Array:
        """Encode passages: (N, D) unit vectors, float32."""
        return self._encode([self._settings["passage_prefix"] + text for text in texts])

    def _encode(self, texts: Sequence[str]) -> Array:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            ids, mask = self._tokens([texts[row] for row in rows])
            (vectors[rows],) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return vectors

    def _tokens(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Ids and attention mask (N, T). Special tokens written in a text become the unknown token."""
        found = self._tokenizer.encode_batch([text.encode("utf-8", "replace").decode() for text in texts])
        mask = np.arange(max(len(each.ids) for each in found)) < np.array([[len(each.ids)] for each in found])
        ids = np.full(mask.shape, self._saved.pad_token_id, np.int64)
        ids[mask] = [id for each in found for id in each.ids]
        ours = np.zeros(mask.shape, bool)
        ours[mask] = [bool(special) for each in found for special in each.special_tokens_mask]
        if self._saved.unk_token_id is not None:
            ids[mask & ~ours & np.isin(ids, self._special)] = self._saved.unk_token_id
        return ids, mask.astype(np.int64)

    def save_pretrained(self, folder: Path) -> None:
        """Copy the files."""
        shutil.copytree(self.folder, folder)
