"""The encoders that a reader's recipe begins with: a small one for a CPU, or large ones for a graphics card."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from safetensors.torch import load_file

from relik_ml.bundle import Encoders, Settings, apart_encoders
from relik_ml.e5 import resolve
from relik_ml.errors import ConfigError, ModelError
from relik_ml.models import ApartConfig, ApartEncoder, HeadConfig, JointEncoder, TransformerConfig, from_bert
from relik_ml.names import FEATURES
from relik_ml.reader import JointInputs
from relik_ml.retriever import RetrieverConfig, TextEncoder, load_tokenizer, trim
from relik_ml.training.data import Data
from relik_ml.training.knowledge import inventory
from relik_ml.training.memory import FULL, Way
from relik_ml.training.processes import ALONE, Processes


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
class LowestLayers:
    """What is taken of a pretrained encoder that is to read windows and passages apart."""

    encoder: str
    """A name or a folder of a pretrained BERT with a Unigram tokenizer, such as multilingual-e5-small."""
    layers: int
    """How many of its layers are taken, the lowest ones."""
    vocabulary: int
    """How many of its subwords stay: the most frequent ones of the texts."""
    dropout: float


def apart(
    settings: Settings, config: LowestLayers, texts: Iterable[str], folder: Path, processes: Processes = ALONE
) -> tuple[Settings, Encoders]:
    """The lowest layers of a pretrained encoder, trimmed to the ``texts`` into ``folder``, and new passage encoders.

    The first process trims. A ``folder`` that is there already is taken as it is.

    Raises:
        ConfigError: there is no such encoder, or it cannot be read apart.
    """
    from tokenizers import Tokenizer

    try:
        processes.once(lambda: None if folder.exists() else str(trim(config.encoder, texts, folder, config.vocabulary)))
        record = json.loads((folder / "config.json").read_bytes())
        body = TransformerConfig.from_bert(record, config.layers, config.dropout)
    except ModelError as error:
        where, got = f"--encoder {config.encoder}", f"{error.what}: {error.got}"
        raise ConfigError("the encoder cannot be used", where=where, got=got, fix=error.fix) from error
    tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    sizes = ApartConfig(body, tokenizer.token_to_id("<pad>"), settings.heads.hit_features, config.dropout)
    encoders = apart_encoders(sizes, tokenizer, settings.inventory.types)
    cast(ApartEncoder, encoders.reader).body = from_bert(load_file(folder / "model.safetensors"), body)
    heads = replace(settings.heads, width=body.width, dropout=config.dropout)
    return replace(settings, heads=heads, apart=sizes), encoders


def joint(settings: Settings, retriever: str, reader: str, way: Way = FULL) -> tuple[Settings, Encoders]:
    """Pretrained encoders: a folder each, or a name on the Hugging Face Hub; the reader's is trained in this ``way``.

    Raises:
        ConfigError: one of them cannot be loaded.
    """
    wanted, types = settings.retriever, len(settings.inventory.types)
    reader = str(resolve(reader))
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
            fix="name folders that hold tokenizer.json and safetensors (docs/guides/train.md), or use --preset small",
        ) from error
    first = encoder.config.first_symbol
    way.prepare(encoder, range(first, first + encoder.config.symbols))
    heads = replace(settings.heads, width=encoder.config.width)
    return replace(settings, heads=heads, joint=asdict(encoder.config)), Encoders(encoder, inputs, questions)
