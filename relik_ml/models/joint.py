"""The joint encoder: any pretrained transformer, reading a window and all its passages in one sequence.

Source: ReLiK, Orlando et al. 2024, section 3.2. A symbol ``<ST_k>`` precedes each passage; the heads
compare mentions with its state. Types are a learned table, a plain classifier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from relik_ml.config import JointConfig
from relik_ml.errors import ModelError
from relik_ml.models.bi_encoder import BiEncoder, import_transformers
from relik_ml.models.reader_model import Encoder
from relik_ml.network import ReaderBatch, States

MDEBERTA = "microsoft/mdeberta-v3-base"
LONGEST = 1024
"""Longest sequence where the architecture sets no limit, as with DeBERTa's relative positions."""


class JointEncoder(Encoder):
    """Takes ``inputs`` of ``reader.JointInputs``:

    input_ids and attention_mask (B, L); positions in the sequence: words (B, T) of the first subword of each token,
    entities (B, 1 + K) and relations (B, R) of the symbols. L ≤ ``config.max_length``.
    """

    def __init__(self, encoder: nn.Module, config: JointConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        # Standard deviation 1, like the layer-normed states that the heads read beside it.
        self.types = nn.Parameter(torch.randn(config.types, config.width))

    def forward(self, batch: ReaderBatch[Tensor]) -> States[Tensor]:
        """One pass over the sequences, then the states at the given positions."""
        inputs = batch.inputs
        output = self.encoder(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        states: Tensor = output.last_hidden_state
        row = torch.arange(states.shape[0], device=states.device)[:, None]
        tokens, entities, relations = (states[row, inputs[name]] for name in ("words", "entities", "relations"))
        return States(tokens, entities, relations, self.types)

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | Path = MDEBERTA, *, types: int, entities: int, relations: int
    ) -> JointEncoder:
        """Base weights from a folder, or from the Hugging Face Hub, with new rows for the symbols; for training.

        Its longest sequence is the most that the architecture can read.

        Raises:
            ModelError: there is no such encoder.
        """
        encoder: Any = BiEncoder.from_pretrained(name_or_folder).encoder
        first = _add_symbols(encoder, 1 + entities + relations)
        base = json.loads(encoder.config.to_json_string(use_diff=False))
        base.pop("_name_or_path", None)  # a local path says nothing on another machine
        return cls(encoder, JointConfig(base, types, entities, relations, first, _positions(encoder) or LONGEST))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> JointEncoder:
        """The architecture with random weights, from ``asdict(JointEncoder.config)``; touches neither disk nor network.

        Raises:
            ModelError: the configuration describes no encoder.
        """
        transformers = import_transformers()
        try:
            own = JointConfig(**config)
            base = transformers.AutoConfig.for_model(**own.base)
            # The reader computes in float32, whatever type the base was stored in.
            model = transformers.AutoModel.from_config(base, dtype=torch.float32, trust_remote_code=False)
            return cls(BiEncoder(model).encoder, own).eval()
        except Exception as error:  # a damaged configuration can raise anything in a constructor
            what, got = "cannot build the encoder from its configuration", f"{type(error).__name__}: {error}"
            raise ModelError(what, got=got, fix="get the model folder again") from error


def _positions(encoder: nn.Module) -> int | None:
    """The longest sequence that an architecture can read, None when nothing limits it.

    XLM-R counts from the id of its padding, so its table has fewer positions than rows. mDeBERTa writes 512 in its
    configuration, but it has no table, only distances, the far ones in buckets.
    """
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    config: Any = encoder.config
    limit = None if getattr(config, "relative_attention", False) else getattr(config, "max_position_embeddings", None)
    return limit and int(limit)


@torch.no_grad()
def _add_symbols(encoder: Any, symbols: int) -> int:
    """Rows for the symbols behind the vocabulary, near its mean but apart from each other; the id of the first."""
    rows = encoder.get_input_embeddings().weight
    first, mean, spread = len(rows), rows.mean(0), rows.std(0)  # before transformers resizes these very rows
    encoder.resize_token_embeddings(first + symbols, mean_resizing=False)
    new = encoder.get_input_embeddings().weight[first:]
    new.copy_(mean + spread * torch.randn_like(new))
    return first
