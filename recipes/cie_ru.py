"""Closed information extraction in Russian: retriever, index and reader, trained on NEREL in one command.

::

    relik-ml convert nerel --out data/nerel
    accelerate launch --mixed_precision bf16 recipes/cie_ru.py   # E5-base + mDeBERTa-v3-base, made for a 24 GB card
    accelerate launch --cpu recipes/cie_ru.py --preset small     # E5-small on a CPU: the embedded models
    accelerate launch --cpu recipes/cie_ru.py --preset small --resume    # go on after a kill, to the same weights

``--out`` becomes a model folder for ``relik-ml annotate --model``, the best epoch so far; its index alone and the
scores lie beside it. Scores and time of ``small`` are in docs/results/embedded-model.md; ``full``
has not been trained at full size, so its scores and time are not measured, and its memory is an estimate:
``relik-ml recipe plan cie_ru``.

The order is the paper's (ReLiK, Orlando et al. 2024, section 3): a bi-encoder learns to bring the entities and
relations of a window near it; an index is built with it; the reader learns to choose among what the index gives.
Everything random is a function of the seed and the number of the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from relik_ml import Relik
from relik_ml.bundle import Encoders, Settings, assemble, refuse_foreign
from relik_ml.e5 import NAME as E5_SMALL
from relik_ml.index import PassageIndex
from relik_ml.models import MDEBERTA, LossWeights
from relik_ml.retriever import RetrieverConfig, TextEncoder
from relik_ml.training import (
    INTERRUPTION,
    EntityTable,
    LowestLayers,
    Optimisation,
    Progress,
    Repeated,
    Session,
    Stages,
    Task,
    Teaching,
    Way,
    accelerated,
    apart,
    given_index,
    joint,
    keep_model,
    read_data,
    recipe,
    sound,
    stage_states,
    start_from,
    train_reader,
    train_retriever,
    untrained,
    written_out,
)

TASK = Task("Closed information extraction in Russian", "Mentions of 29 types, links to Wikidata and 49 relations")


@dataclass(frozen=True)
class Config:
    """Every field is a flag of the command."""

    preset: Literal["full", "small"] = "full"
    """Without it: ``full`` where there is a CUDA device, else ``small``."""
    data: tuple[Path, ...] = (Path("data/nerel"),)
    """Folder of train.jsonl and dev.jsonl, as ``relik-ml convert nerel`` writes it; of more folders train joins in."""
    entities: tuple[Path, ...] = ()
    """Entity table (see indexes/jsonl.py), and more to join in; without one only those of train can be linked to."""
    silver: tuple[Path, ...] = ()
    """Documents that ``relik-ml annotate`` wrote: the reader learns from their mentions and triples, too."""
    skip: str = ""
    """Sources, with commas: entities that no other source lists are left out."""
    derived: str = ""
    """Sources of labels, with commas, whose names were derived by rule."""
    corpus: tuple[Path, ...] = ()
    """Running text whose frequent subwords a small model keeps, besides those of train (.txt, .txt.xz)."""
    out: Path = Path("runs/cie_ru")
    seed: int = 1
    resume: bool = False
    """Go on from the checkpoint of a run that was cut off."""
    back: int = 0
    """With ``--resume``: how many checkpoints before the newest to go on from, if that is damaged; two are kept."""
    checkpoint: int = 500
    """Steps from one checkpoint to the next, besides those at each epoch's end; 0 makes none."""
    tracker: Literal["none", "tensorboard", "wandb", "clearml"] = "none"
    """Where losses, rates and scores on dev are logged besides; its package must be installed."""
    window: int = 128
    stride: int = 96
    retriever: str = "intfloat/multilingual-e5-base"
    index: Path | None = None
    """An index built by ``--retriever``, as retriever_ru.py leaves it; the retriever is then taken as it is."""
    reader: str = MDEBERTA
    retriever_epochs: int = 4
    retriever_rate: float = 2e-5
    retriever_batch: int = 16
    negatives: int = 200
    """Passages drawn at random for each batch of the retriever, besides those of the other windows."""
    reader_epochs: int = 20
    average: int = 0
    """Epochs at the end whose final weights are averaged; dev is scored with the mean."""
    patience: int = 0
    """Epochs without a better score on dev after which the reader is done; 0 runs all of them."""
    reader_rate: float = 2e-5
    reader_tokens: int = 1024
    """Tokens of windows in a step of the reader, padding included, of all processes together."""
    reader_chunk: int = 0
    """Tokens that go through the reader at once: its gradients are accumulated. 0: all that a process has of a step."""
    reader_layer_decay: float = 1.0
    """What is left of the reader's rate from each layer of its encoder to the one below; 1 moves all alike."""
    lora: int = 0
    """Rank of LoRA adapters of both encoders, merged when a model is saved; 0 trains all weights."""
    gradient_checkpointing: bool = False
    """Compute each layer of both encoders again in the backward pass instead of keeping it: less memory, more time."""
    candidates: int = 24
    """Entities a window brings to the reader (K)."""
    dense: int = 8
    """Those of them that may come by vector alone."""
    candidate_order: Literal["ranked", "shuffled"] = "ranked"
    """In training: best first, as when a text is annotated, or another order in every step."""
    added_gold: float = 0.0
    """Share of the gold entities that were not retrieved which join the candidates in training; the others are NME."""
    relations: int = 20
    """Relations a window brings along (K')."""
    relation_weight: float = 1.0
    repeated: Repeated = "negatives"
    """Pairs of mentions that would say a fact once more: NEREL marks the nearest pair and leaves open the others."""
    encoder: str = E5_SMALL
    """The encoder of a small model."""
    start: Path | None = None
    """A model of this recipe whose reader is trained further, with the same layers, vocabulary and texts."""
    layers: int = 6
    """How many of its layers are taken, the lowest ones."""
    vocabulary: int = 60_000
    """How many of its subwords are kept."""
    encoder_rate: float = 4e-4
    """Its learning rate; ``reader_rate`` is that of all that is new."""
    dropout: float = 0.1
    held_out: float = 0.05
    """Share of train that is not learnt from: scores are calibrated on it."""


PRESETS: dict[str, dict[str, Any]] = {
    "full": {"preset": "full"},
    "small": {
        "preset": "small", "window": 192, "stride": 144, "candidates": 100, "relations": 50, "reader_epochs": 12,
        "average": 6, "reader_rate": 1e-3,
    },
}  # fmt: skip

MOVABLE = INTERRUPTION | {
    "data", "entities", "silver", "corpus", "encoder", "start", "out", "reader_chunk", "gradient_checkpointing",
}  # fmt: skip
"""Fields in which a resumed run may differ: places, whose content must be the same, and what changes no weight."""


def main(config: Config) -> Progress:
    """The whole path."""
    states = check(config)
    accelerator = accelerated(config)
    data = read_data(config.data, EntityTable(config.entities, config.skip, config.derived), config.silver)
    data = data.holding_out(config.held_out)
    data.require("train", "mentions", "links", "triples")
    data.require("dev", "mentions")
    accelerator.print(f"{len(data.train)} + {len(data.dev)} documents, {len(data.known)} + {len(data.own)} entities")
    session = Session(accelerator, data, config.window, config.stride, config.seed, config.out, states)
    settings, encoders = prepare(config, session)
    session.require_room(encoders.inputs)
    index = retrieve(config, session, encoders.retriever)
    torch.manual_seed(config.seed)  # new heads are a function of the seed, wherever a run goes on
    relik = Relik(*assemble(settings, encoders, index, str(accelerator.device)), settings)
    if config.start:
        start_from(relik, config.start)
    progress = read(config, session, relik)
    session.processes.once(states.forget)
    return progress


# Before training


def check(config: Config) -> Stages:
    """Refuse what cannot work or would lose something, before anything is loaded."""
    refuse_foreign(config.out)
    sound(config, PRESETS)
    return stage_states(config, MOVABLE, ("retriever", "reader"), [*config.entities, *config.silver, *config.corpus])


def prepare(config: Config, session: Session) -> tuple[Settings, Encoders]:
    """The settings of the model, and its pretrained encoders."""
    settings = untrained(
        session.data, RetrieverConfig(config.candidates, config.dense, config.relations), config.window, config.stride
    )
    if config.preset == "small":
        folder = session.out.with_name(session.out.name + ".encoder")
        plan = LowestLayers(config.encoder, config.layers, config.vocabulary, config.dropout)
        return apart(settings, plan, session.data.texts(config.corpus), folder, session.processes)
    return joint(settings, config.retriever, config.reader, Way(config.lora, config.gradient_checkpointing))


# Training


def retrieve(config: Config, session: Session, encoder: TextEncoder | None) -> PassageIndex:
    """Section 3.1: windows and what is said in them come near each other; then all entries are encoded."""
    if encoder is None:
        return session.index(None)
    if config.index:
        return given_index(config.index, encoder, "entity", "relation")
    plan = Optimisation(config.retriever_rate, config.retriever_epochs)
    Way(config.lora, config.gradient_checkpointing).prepare(encoder.model)
    return train_retriever(session, encoder, plan, config.retriever_batch, config.negatives)


def read(config: Config, session: Session, relik: Relik) -> Progress:
    """Section 3.2: mentions, their types and links and the relations between them, all at once."""
    relik.reader.model.weights = LossWeights(relation=config.relation_weight)
    plan = Optimisation(
        config.reader_rate, config.reader_epochs, layer_decay=config.reader_layer_decay, patience=config.patience,
        average=config.average,
        encoder_rate=config.encoder_rate if config.preset == "small" else None,
    )  # fmt: skip
    keep = partial(keep_model, session, TASK, written_out("cie_ru", config, PRESETS))
    teaching = Teaching(
        config.reader_tokens, config.reader_chunk, config.repeated, config.added_gold, config.candidate_order
    )
    return train_reader(session, relik, plan, teaching, Relik.annotate, keep)


command = recipe(
    __doc__, Config, PRESETS, main, repeated=["negatives", "ignored"], candidate_order=["ranked", "shuffled"]
)

if __name__ == "__main__":
    command()
