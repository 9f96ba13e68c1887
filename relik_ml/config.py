"""Configuration of the networks and thresholds of their output: plain values, read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Literal

from relik_ml.errors import ModelError

CANDIDATES = 5
"""The most candidates of a link that are written."""


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a BERT encoder."""

    vocabulary: int
    width: int = 384
    layers: int = 12
    heads: int = 12
    inner: int = 1536
    positions: int = 512
    dropout: float = 0.1
    epsilon: float = 1e-12

    @classmethod
    def from_bert(cls, config: Mapping[str, Any], layers: int, dropout: float) -> TransformerConfig:
        """The lowest ``layers`` of an encoder with the ``config.json`` of transformers' ``BertModel``.

        Raises:
            ModelError: it is another architecture, has too few layers, or an activation other than GELU.
        """
        if config.get("model_type") != "bert" or config.get("hidden_act", "gelu") != "gelu":
            got = f"{config.get('model_type')} with {config.get('hidden_act')}"
            raise ModelError("only BERT encoders with GELU can be read apart", got=got, fix="multilingual-e5-small")
        if not 0 < layers <= config["num_hidden_layers"]:
            got = f"{layers} of {config['num_hidden_layers']}"
            raise ModelError("the encoder has not so many layers", got=got, fix="take fewer layers")
        return cls(
            config["vocab_size"], config["hidden_size"], layers, config["num_attention_heads"],
            config["intermediate_size"], config["max_position_embeddings"], dropout, config["layer_norm_eps"],
        )  # fmt: skip


@dataclass(frozen=True)
class ApartConfig:
    """Sizes of an encoder that reads windows and passages apart."""

    body: TransformerConfig
    padding: int
    """Id of the subword that pads."""
    hit_features: int = 0
    dropout: float = 0.1

    @property
    def width(self) -> int:
        """H."""
        return self.body.width


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
    """Longest sequence in subwords."""

    @property
    def symbols(self) -> int:
        """1 + K + K': NME, entities, relations."""
        return 1 + self.entities + self.relations

    @property
    def width(self) -> int:
        """H."""
        return int(self.base["hidden_size"])


@dataclass(frozen=True)
class HeadConfig:
    """Sizes of the heads. ``width`` is H of the encoder, ``inner`` the width of every projection."""

    width: int
    inner: int = 256
    max_mention: int = 12
    """Longest mention in tokens (W): 12 covers 99.8 % of NEREL."""
    hit_features: int = 0
    """Features of a name hit (F); 0 when the retriever finds no names."""
    distances: int = 24
    """Buckets of the signed logarithmic distance between two mentions."""
    dropout: float = 0.1


@dataclass(frozen=True)
class MinScores:
    """Scores below which predictions are left out, or for links become ``unknown``."""

    mention: float = 0.0
    link: float = 0.0
    """Of a link and of NIL."""
    fact: float = 0.0

    @classmethod
    def of(cls, scores: float | MinScores) -> MinScores:
        """These, or one for all three."""
        return scores if isinstance(scores, MinScores) else cls(scores, scores, scores)

    def at_least(self, other: MinScores) -> MinScores:
        """The higher score of each kind."""
        return MinScores(max(self.mention, other.mention), max(self.link, other.link), max(self.fact, other.fact))


@dataclass(frozen=True)
class Thresholds:
    """Probabilities above which a prediction is kept."""

    start: float = 0.3
    """Of a start, and of an end: which spans are described at all."""
    end: float = 0.3
    mention: float = 0.5
    """Of a mention: p_S(s) · p_E(t | s) · p(type)."""
    link: float = 0.5
    """Of the best entity, where only it and NIL are compared."""
    relation: float = 0.35
    """Of a triple: p(relation) times the probabilities of its mentions."""

    def lowered(self, factor: float) -> Thresholds:
        """All of them times a factor."""
        return Thresholds(*(factor * each for each in astuple(self)))


@dataclass(frozen=True)
class Profile:
    """A choice between few errors and few omissions."""

    min_score: MinScores = MinScores()
    factor: float = 1.0
    """By which the thresholds of the model are lowered."""


ProfileName = Literal["precision", "balanced", "recall"]

PROFILES: Mapping[ProfileName, Profile] = {
    "precision": Profile(MinScores(0.7, 0.7, 0.5)),
    "balanced": Profile(),
    "recall": Profile(factor=0.5),
}
"""``benchmarks/profiles.py`` measures them. ``balanced`` has the thresholds with the best F1."""
