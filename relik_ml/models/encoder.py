"""The joint encoder: any pretrained transformer, reading a window and all its passages in one sequence.

Source: ReLiK, Orlando et al. 2024, section 3.2. Symbols ``<ST_k>`` stand before the passages; their states are
what the heads compare mentions with. Types are a learned table, a plain classifier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from relik_ml.errors import ConfigError, ModelError
from relik_ml.models.batch import ReaderBatch, States
from relik_ml.models.retriever import BiEncoder

MDEBERTA = "microsoft/mdeberta-v3-base"
LONGEST = 1024
"""Positions read when the architecture itself sets no limit, as with DeBERTa's relative ones."""


@dataclass(frozen=True)
class JointConfig:
    """All that rebuilds a joint encoder without its base model; ``dataclasses.asdict`` of it is JSON."""

    base: Mapping[str, Any]
    """The transformer's own configuration, its vocabulary already holding the symbols."""
    types: int
    """Mention types (Y)."""
    entities: int
    """Most candidate entities of a window (K)."""
    relations: int
    """Most candidate relations of a window (K')."""
    first_symbol: int
    """Id of ``<ST_0>``; the others follow it."""
    max_length: int
    """Longest sequence in pieces."""

    @property
    def symbols(self) -> int:
        """1 + K + K': NME, entities, relations."""
        return 1 + self.entities + self.relations

    @property
    def width(self) -> int:
        """H."""
        return int(self.base["hidden_size"])


class JointEncoder(nn.Module):
    """Takes ``inputs`` (see ``reader.joint``):

    input_ids and attention_mask (B, L); places in the sequence: words (B, T) of the first piece of each token,
    entities (B, 1 + K) and relations (B, R) of the symbols. L ≤ ``config.max_length``.
    """

    def __init__(self, encoder: nn.Module, config: JointConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        # Standard deviation 1 like the layer-normed states that the heads read beside it. This module is none of
        # transformers' own, so no _init_weights comes over it afterwards.
        self.types = nn.Parameter(torch.randn(config.types, config.width))

    def forward(self, batch: ReaderBatch) -> States:
        """One pass over the sequences, then a look at the places asked for."""
        inputs = batch.inputs
        output = self.encoder(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        states: Tensor = output.last_hidden_state
        row = torch.arange(len(states), device=states.device)[:, None]
        tokens, entities, relations = (states[row, inputs[name]] for name in ("words", "entities", "relations"))
        return States(tokens, entities, relations, self.types)

    @classmethod
    def from_pretrained(
        cls,
        name_or_folder: str | Path = MDEBERTA,
        *,
        types: int,
        entities: int,
        relations: int,
        max_length: int | None = None,
    ) -> JointEncoder:
        """Base weights from a folder, or from the Hugging Face Hub, with new rows for the symbols; for training.

        ``max_length`` is the most that the architecture can read unless it is given.

        Raises:
            ModelError: there is no such encoder.
            ConfigError: ``max_length`` is more than the architecture can read.
        """
        encoder: Any = BiEncoder.from_pretrained(name_or_folder).encoder
        longest = _positions(encoder)
        if max_length is not None and longest is not None and max_length > longest:
            raise ConfigError(
                "the encoder cannot read so much at once",
                where=str(name_or_folder),
                got=f"max_length {max_length}, its positions {longest}",
                fix=f"max_length ≤ {longest}, or another encoder",
            )
        first = _add_symbols(encoder, 1 + entities + relations)
        base = json.loads(encoder.config.to_json_string(use_diff=False))
        base.pop("_name_or_path", None)  # a folder of whoever trained it is nobody else's concern
        return cls(encoder, JointConfig(base, types, entities, relations, first, max_length or longest or LONGEST))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> JointEncoder:
        """The architecture with random weights, from ``asdict(JointEncoder.config)``; touches neither disk nor network.

        Raises:
            ModelError: the configuration describes no encoder.
        """
        try:
            import transformers
        except ImportError as error:
            fix = 'pip install "relik-ml[train]"'
            raise ModelError("a transformer encoder needs transformers", got=str(error), fix=fix) from error
        auto: Any = transformers.AutoModel  # has no annotations
        try:
            own = JointConfig(**config)
            base = transformers.AutoConfig.for_model(**own.base)
            # What the base was stored in must not decide what the reader computes in.
            model = auto.from_config(base, dtype=torch.float32, trust_remote_code=False)
            encoder = cls(BiEncoder(model).encoder, own)
        except Exception as error:  # whatever a damaged configuration makes of a constructor
            raise ModelError(
                "cannot build the encoder from its configuration",
                got=f"{type(error).__name__}: {error}",
                fix="get the model folder again",
            ) from error
        return encoder.eval()


def _positions(encoder: nn.Module) -> int | None:
    """The longest sequence that an architecture can read, None when nothing limits it.

    XLM-R counts from the id of its padding, so its table has fewer places than rows; mDeBERTa writes 512 in its
    configuration, yet it has no table and knows only distances, the far ones in buckets.
    """
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    config: Any = encoder.config
    if getattr(config, "relative_attention", False):
        return None
    limit = getattr(config, "max_position_embeddings", None)
    return None if limit is None else int(limit)


@torch.no_grad()
def _add_symbols(encoder: Any, symbols: int) -> int:
    """Rows for the symbols behind the vocabulary, near its mean but apart from each other; the id of the first."""
    rows = encoder.get_input_embeddings().weight
    first, mean, spread = len(rows), rows.mean(0), rows.std(0)  # before transformers resizes these very rows
    encoder.resize_token_embeddings(first + symbols, mean_resizing=False)
    new = encoder.get_input_embeddings().weight[first:]
    new.copy_(mean + spread * torch.randn_like(new))
    return first
