"""The encoders that a reader's recipe begins with: from scratch for a CPU, or pretrained ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from relik_ml.bundle import Encoders, Settings, compact_encoders
from relik_ml.errors import ConfigError, ModelError
from relik_ml.models.compact import CompactConfig
from relik_ml.models.config import HeadConfig
from relik_ml.models.encoder import JointEncoder
from relik_ml.names.index import FEATURES
from relik_ml.reader.joint import JointInputs
from relik_ml.retriever.compact import CompactTextEncoder
from relik_ml.retriever.encode import TextEncoder
from relik_ml.retriever.retriever import RetrieverConfig
from relik_ml.retriever.tokenizer import load_tokenizer
from relik_ml.text.lexicon import SHAPES
from relik_ml.training.data import Data
from relik_ml.training.knowledge import inventory
from relik_ml.training.memory import FULL, Way
from relik_ml.training.vectors import compact_vocabulary

TextEncoders = CompactTextEncoder | TextEncoder


def untrained(data: Data, retriever: RetrieverConfig, window: int, stride: int) -> Settings:
    """The settings of a model that is to say what the train split says; its encoders give its widths."""
    return Settings(
        languages=tuple(sorted({document.lang for document in data.train})),
        heads=HeadConfig(width=0, hit_features=len(FEATURES) if retriever.entities else 0),
        inventory=inventory(data.types, data.train),
        retriever=retriever,
        window=window,
        stride=stride,
    )


@dataclass(frozen=True)
class CompactSizes:
    """Of a compact model: how many words it knows, the widths of their vectors and of half its states."""

    words: int
    word_width: int
    hidden: int
    dropout: float


def compact(settings: Settings, data: Data, corpus: tuple[Path, ...], sizes: CompactSizes) -> tuple[Settings, Encoders]:
    """Encoders from scratch over navec's vectors of the words of train and the most frequent others."""
    lexicon, rows = compact_vocabulary(data, corpus, sizes.words, sizes.word_width)
    encoder = CompactConfig(
        words=len(rows), lemmas=len(lexicon.lemmas) + 2, grammemes=len(lexicon.grammemes), shapes=len(SHAPES),
        word_width=sizes.word_width, hidden=sizes.hidden, hit_features=settings.heads.hit_features,
        dropout=sizes.dropout,
    )  # fmt: skip
    heads = replace(settings.heads, width=encoder.width)
    encoders = compact_encoders(encoder, lexicon, rows, settings.inventory.types)
    return replace(settings, heads=heads, compact=encoder), encoders


def joint(settings: Settings, retriever: str, reader: str, way: Way = FULL) -> tuple[Settings, Encoders]:
    """Pretrained encoders: a folder each, or a name on the Hugging Face Hub; the reader's is trained in this ``way``.

    Raises:
        ConfigError: one of them cannot be loaded.
    """
    wanted, types = settings.retriever, len(settings.inventory.types)
    try:
        questions = TextEncoder.from_pretrained(retriever)
        encoder = JointEncoder.from_pretrained(
            reader, types=types, entities=wanted.entities, relations=wanted.relations
        )
        inputs = JointInputs(load_tokenizer(reader), encoder.config)
    except ModelError as error:
        raise ConfigError(
            "the pretrained encoders cannot be loaded",
            where=f"--retriever {retriever} --reader {reader}",
            got=f"{error.what}: {error.got}",
            fix="name folders that hold tokenizer.json and safetensors (docs/training.md), or use --preset compact",
        ) from error
    first = encoder.config.first_symbol
    way.prepare(encoder, range(first, first + encoder.config.symbols))
    heads = replace(settings.heads, width=encoder.config.width)
    return replace(settings, heads=heads, joint=asdict(encoder.config)), Encoders(encoder, inputs, questions)
