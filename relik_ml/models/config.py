"""What shapes a reader: saved as ``config.json`` beside the weights."""

from __future__ import annotations

from dataclasses import dataclass


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
class LossWeights:
    """Weight of each term of the loss (ReLiK, section 3.2, sums them; these are for tuning)."""

    start: float = 1.0
    end: float = 1.0
    type: float = 1.0
    link: float = 1.0
    relation: float = 1.0


@dataclass(frozen=True)
class Thresholds:
    """Probabilities above which decode takes what the network says."""

    start: float = 0.3
    """Of a start, and of an end: which spans are described at all."""
    end: float = 0.3
    mention: float = 0.5
    """Of a mention: p_S(s) · p_E(t | s) · p(type)."""
    link: float = 0.5
    """Of the best entity, where only it and NIL are compared."""
    relation: float = 0.35
    """Of a triple: p(relation) times the probabilities of its mentions."""
