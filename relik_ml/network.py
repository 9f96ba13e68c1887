"""What goes into the reader's network and comes out of it, each array with its shape.

Letters: B windows, T tokens, K candidate entities, R relations, Y mention types, M mentions,
W longest mention in tokens, H width of the encoder, N name hits, F features of a hit.
Ends are **inclusive** here (a token is a start or an end); ``reader.decode`` turns them into the half-open offsets of
documents. The arrays are numpy's; inside ``models`` they are tensors.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from numpy.typing import NDArray

IGNORE = -100
"""Target of an unknown link; the loss ignores it."""

WEIGHTS, WORDS = "reader.safetensors", "words.safetensors"
"""Files of a model folder: the weights, and those of them that are never trained."""
ENCODE, ENCODE_INT8, DESCRIBE = "encode.onnx", "encode.int8.onnx", "describe.onnx"
"""Files of a model folder: the two steps of ``Network`` as ONNX graphs, which refer to the weights."""

Array = NDArray[Any]
A = TypeVar("A")


class NameHits(NamedTuple, Generic[A]):
    """Matches of candidate names in the windows, evidence of the retriever for the link scores."""

    window: A  # (N,) int64, index in the batch
    first: A  # (N,) int64, first token
    last: A  # (N,) int64, last token
    candidate: A  # (N,) int64 in 1..K
    features: A  # (N, F) float32


class Spans(NamedTuple, Generic[A]):
    """Mentions of a batch."""

    mentions: A  # (B, M, 2) int64, first and last token
    mention_mask: A  # (B, M) bool


class Gold(NamedTuple, Generic[A]):
    """Targets of a batch."""

    mentions: A  # (B, M, 2) int64, first and last token
    mention_mask: A  # (B, M) bool
    types: A  # (B, M, Y) bool, types that a mention may have; none where not annotated
    links: A  # (B, M) int64 in 0..K, IGNORE where not annotated
    triples: A  # (P, 4) int64: window, subject mention, object mention, relation
    pair_mask: A  # (B, M, M) bool, pairs whose relations are annotated
    start_mask: A  # (B, T) bool, tokens whose mentions are annotated
    unsure: A  # (U, 4) int64 as ``triples``: relations of annotated pairs that the loss leaves out


class ReaderBatch(NamedTuple, Generic[A]):
    """Windows with their candidates, ready for one forward pass."""

    inputs: Mapping[str, A]  # what the encoder takes
    token_mask: A  # (B, T) bool
    entity_mask: A  # (B, 1 + K) bool
    relation_mask: A  # (B, R) bool
    hits: NameHits[A]
    gold: Gold[A] | None = None
    given: Spans[A] | None = None  # mentions that are not to be predicted


class States(NamedTuple, Generic[A]):
    """Output of an encoder and input of the heads."""

    tokens: A  # (B, T, H)
    entities: A  # (B, 1 + K, H), index 0 is NME, the entity that is not there
    relations: A  # (B, R, H)
    types: A  # (Y, H)


class Encoded(NamedTuple, Generic[A]):
    """Output of the encoder and the span head."""

    states: States[A]
    start: A  # (B, T) logits
    end: A  # (B, T, W) logits: the mention that starts at t ends at t + w


class Described(NamedTuple, Generic[A]):
    """Logits of the mentions of a batch."""

    types: A  # (B, M, Y)
    links: A  # (B, M, 1 + K), -inf on absent candidates
    relations: A  # (B, M, M, R), -inf on absent relations and on the diagonal


class ReaderOutput(NamedTuple, Generic[A]):
    """All logits of a batch: the fields of ``Encoded``, ``Spans`` and ``Described``."""

    start: A
    end: A
    mentions: A
    mention_mask: A
    types: A
    links: A
    relations: A


class Network(Protocol):
    """Encoder and heads over numpy arrays, in two steps: mentions are chosen between them."""

    def encode(self, batch: ReaderBatch[Array]) -> Encoded[Any]:
        """The encoder and the span head. The states are what ``describe`` takes, of any type."""

    def describe(self, states: States[Any], batch: ReaderBatch[Array], spans: Spans[Array]) -> Described[Array]:
        """The heads that score types, links and relations of mentions."""

    def save(self, folder: Path) -> None:
        """Write the weights to a model folder."""


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value of this module with every array changed."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {name: mapped(each, change) for name, each in value.items()}
    if isinstance(value, tuple):
        parts = [mapped(each, change) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return change(value)


def named(value: Any, name: str = "") -> dict[str, Any]:
    """Every array of a value by its path, in the order of ``mapped``.

    >>> named({"ids": 1, "spans": Spans(2, 3)}, "batch")
    {'batch.ids': 1, 'batch.spans.mentions': 2, 'batch.spans.mention_mask': 3}
    """
    if value is None:
        return {}
    parts = value._asdict() if hasattr(value, "_asdict") else value
    if not isinstance(parts, Mapping):
        return {name: value}
    found: dict[str, Any] = {}
    for key, each in parts.items():
        found |= named(each, f"{name}.{key}" if name else key)
    return found
