"""Pretrained encoders from which training starts: a small one for a CPU, or large ones for a GPU."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from safetensors.torch import load_file

from relik_ml.bundle import Settings, reader, retriever
from relik_ml.config import ApartConfig, HeadConfig, TransformerConfig
from relik_ml.e5 import resolve
from relik_ml.encoders import TextEncoder, load_tokenizer, trim
from relik_ml.errors import ConfigError, ModelError
from relik_ml.index import PassageIndex
from relik_ml.models import (
    ApartEncoder,
    Encoder,
    JointEncoder,
    ReaderModel,
    Teacher,
    TorchNetwork,
    from_bert,
    on_device,
)
from relik_ml.names import FEATURES
from relik_ml.pipeline import Relik
from relik_ml.reader import ApartInputs, Inputs, JointInputs
from relik_ml.retriever import RetrieverConfig
from relik_ml.text import windows
from relik_ml.training.data import Data
from relik_ml.training.distributed import SINGLE, Processes
from relik_ml.training.inventory import inventory
from relik_ml.training.optimizer import PeftOptions
from relik_ml.types import Entry, Retrieved


class Encoders(NamedTuple):
    """The reader's encoder with its inputs, and the retriever's encoder unless it retrieves by name only."""

    reader: Encoder
    inputs: Inputs
    retriever: TextEncoder | None


def apart_encoders(config: ApartConfig, tokenizer: Any, types: Sequence[Entry]) -> Encoders:
    """An ``ApartEncoder`` with random weights; its retriever finds candidates by name only."""
    return Encoders(ApartEncoder(config), ApartInputs(tokenizer, types, config.body.positions), None)


def assemble(settings: Settings, encoders: Encoders, index: PassageIndex, device: str = "cpu") -> Relik:
    """A retriever over the index, and a reader whose heads are new."""
    if encoders.retriever is not None:
        on_device(encoders.retriever.model, device)
    model = on_device(ReaderModel(encoders.reader, len(settings.inventory.types), settings.heads), device)
    read = reader(settings, TorchNetwork(model), encoders.inputs)
    return Relik(retriever(settings, index, encoders.retriever), read, settings)


def model_of(relik: Relik) -> ReaderModel:
    """The reader's model of torch, for training."""
    assert isinstance(relik.reader.network, TorchNetwork), "loaded with another backend than torch"
    return relik.reader.network.model


def untrained(data: Data, retriever: RetrieverConfig, window: int, stride: int) -> Settings:
    """Settings of a new model that predicts the labels of train; its encoders set the widths."""
    languages = tuple(sorted({document.lang for document in data.train}))
    if len(languages) > 1:
        labels = {lang: tuple(sorted(data.labels(lambda document: document.lang)[lang])) for lang in languages}
        retriever = replace(retriever, labels=labels)
    return Settings(
        languages=languages,
        heads=HeadConfig(width=0, hit_features=len(FEATURES) if retriever.entities else 0),
        inventory=inventory(data.types, data.train),
        retriever=retriever,
        window=window,
        stride=stride,
    )


@dataclass(frozen=True)
class LowestLayers:
    """The lowest layers of a pretrained encoder, as body of an ``ApartEncoder``."""

    encoder: str
    """A name or a folder of a pretrained BERT with a Unigram tokenizer, such as multilingual-e5-small."""
    layers: int
    """Number of layers that are kept."""
    vocabulary: int
    """Number of subwords that are kept, the most frequent ones of the texts."""
    dropout: float


def apart(
    settings: Settings, config: LowestLayers, texts: Iterable[str], folder: Path, processes: Processes = SINGLE
) -> tuple[Settings, Encoders]:
    """The lowest layers of a pretrained encoder, trimmed to the ``texts`` into ``folder``, and new passage encoders.

    The first process trims. A ``folder`` that is there already is taken as it is.

    Raises:
        ConfigError: there is no such encoder, or it cannot be read apart.
    """
    from tokenizers import Tokenizer

    try:
        processes.run_once(lambda: str(folder.exists() or trim(config.encoder, texts, folder, config.vocabulary)))
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


def joint(
    settings: Settings, retriever: str, reader: str, peft: PeftOptions = PeftOptions()
) -> tuple[Settings, Encoders]:
    """Pretrained encoders: a folder each, or a name on the Hugging Face Hub; ``peft`` is applied to the reader's.

    Raises:
        ConfigError: one of them cannot be loaded.
    """
    wanted, types = settings.retriever, len(settings.inventory.types)
    try:
        reader = str(resolve(reader))
        retriever_encoder = TextEncoder.from_pretrained(retriever)
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
    peft.prepare(encoder, range(first, first + encoder.config.symbols))
    heads = replace(settings.heads, width=encoder.config.width)
    return replace(settings, heads=heads, joint=asdict(encoder.config)), Encoders(encoder, inputs, retriever_encoder)


def require_room(data: Data, inputs: Inputs, window: int, stride: int) -> None:
    """Raise ConfigError if a window of train or dev is too long for the reader, before a retriever is trained."""
    for document in (*data.train, *data.silver, *data.dev):
        inputs.fit([Retrieved(view, (), ()) for view in windows(document, window, stride)])


def further(settings: Settings, start: Relik) -> tuple[Settings, Encoders]:
    """Encoders of the shape and with the vocabulary of a small model, for ``assemble``; see ``take_weights``.

    Raises:
        ConfigError: it is no small model.
    """
    saved = start.settings
    if saved.apart is None:
        fix = "name a model that was trained with --preset small"
        raise ConfigError("the model to start from is of another kind", got="an encoder that reads jointly", fix=fix)
    encoders = apart_encoders(saved.apart, start.reader.encode.inputs.tokenizer, settings.inventory.types)
    heads = replace(saved.heads, hit_features=settings.heads.hit_features)
    return replace(settings, heads=heads, apart=saved.apart), encoders


def take_weights(relik: Relik, start: Relik) -> None:
    """Initialise a reader with the weights of another one.

    Raises:
        ConfigError: it predicts other types, or one of both does not link.
    """
    given = model_of(start).state_dict()
    states = given, model_of(relik).state_dict()
    shapes, own = ({name: each.shape for name, each in state.items()} for state in states)
    if differing := sorted(name for name in own.keys() | shapes.keys() if own.get(name) != shapes.get(name)):
        fix = "start from a model of the same task, trained on the same types"
        got = f"{len(differing)} weights are not alike, first {differing[0]}"
        raise ConfigError("the model to start from is of another shape", got=got, fix=fix)
    model_of(relik).load_state_dict(given)


def teacher(relik: Relik, folder: Path, share: float) -> Teacher:
    """A saved model as the teacher of a reader, with this ``share`` in its targets.

    Raises:
        ModelError: the folder is no model.
        ConfigError: it predicts other labels, or reads other subwords.
    """
    saved = Relik.from_pretrained(folder, backend="torch")
    own, other = (
        {name: each for name, each in model_of(one).state_dict().items() if not each.is_floating_point()}
        for one in (relik, saved)
    )
    alike = own.keys() == other.keys() and all(torch.equal(own[name], other[name]) for name in own)
    if saved.settings.inventory != relik.settings.inventory or not alike:
        got, fix = "other labels or other subwords", "take a model trained on the same data, vocabulary and texts"
        raise ConfigError("the model cannot teach this one", where=f"--teacher {folder}", got=got, fix=fix)
    return on_device(Teacher(model_of(saved), share), str(next(model_of(relik).parameters()).device))
