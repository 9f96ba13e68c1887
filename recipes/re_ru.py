"""Relation extraction in Russian: mentions and the relations between them, trained on NEREL in one command.

::

    relik-ml convert nerel --out data/nerel
    accelerate launch --mixed_precision bf16 recipes/re_ru.py    # mDeBERTa-v3-base, a 24 GB card
    accelerate launch --cpu recipes/re_ru.py --preset small    # a CPU
    accelerate launch --cpu recipes/re_ru.py --preset small --mentions gold    # relations of gold mentions alone
    accelerate launch --cpu recipes/re_ru.py --preset small --resume    # go on after a kill, to the same weights

``--out`` becomes a model folder for ``relik-ml annotate --model``, the best epoch so far by entities and relations
(with ``--mentions gold`` for ``relik-ml annotate --keep-mentions``); its index of relations and the scores lie beside
it. Scores and time are not measured, and memory is an estimate: ``relik-ml recipe plan re_ru``.

The reader is the paper's (ReLiK, Orlando et al. 2024, section 3.2). NEREL has 49 relations, few enough to be read with
every window, so there is no retriever to train: its encoder goes along untrained and only orders them. Links are taken
out of the data, so nothing of them is retrieved, learnt or scored.
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
from relik_ml.models import MDEBERTA, LossWeights
from relik_ml.retriever import RetrieverConfig
from relik_ml.training import (
    INTERRUPTION,
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
    joint,
    keep_model,
    read_data,
    recipe,
    sound,
    stage_states,
    train_reader,
    untrained,
    written_out,
)

TASK = Task("Relation extraction in Russian", "Mentions of 29 types and 49 relations between them")


@dataclass(frozen=True)
class Config:
    """Every field is a flag of the command."""

    preset: Literal["full", "small"] = "full"
    """Without it: ``full`` where there is a CUDA device, else ``small``."""
    data: tuple[Path, ...] = (Path("data/nerel"),)
    """Folder of train.jsonl and dev.jsonl, as ``relik-ml convert nerel`` writes it; of more folders train joins in."""
    corpus: tuple[Path, ...] = ()
    """Running text whose frequent subwords a small model keeps, besides those of train (.txt, .txt.xz)."""
    out: Path = Path("runs/re_ru")
    seed: int = 1
    resume: bool = False
    """Go on from the checkpoint of a run that was cut off."""
    back: int = 0
    """With ``--resume``: how many checkpoints before the newest to go on from, if that is damaged; two are kept."""
    checkpoint: int = 500
    """Steps from one checkpoint to the next, besides those at each epoch's end; 0 makes none."""
    mentions: Literal["predicted", "gold"] = "predicted"
    """Between which mentions relations are found: with ``gold`` their bounds are not learnt, and dev's are given."""
    tracker: Literal["none", "tensorboard", "wandb", "clearml"] = "none"
    """Where losses, rates and scores on dev are logged besides; its package must be installed."""
    window: int = 128
    stride: int = 96
    retriever: str = "intfloat/multilingual-e5-small"
    """Orders the relations; it is not trained."""
    reader: str = MDEBERTA
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
    """Rank of LoRA adapters of the reader's encoder, merged when a model is saved; 0 trains all weights."""
    gradient_checkpointing: bool = False
    """Compute each layer of it again in the backward pass instead of keeping it: less memory, more time."""
    relations: int = 50
    """Relations a window brings along (K'): all of them."""
    relation_weight: float = 1.0
    repeated: Repeated = "negatives"
    """Pairs of mentions that would say a fact once more: NEREL marks the nearest pair and leaves open the others."""
    encoder: str = E5_SMALL
    """The encoder of a small model."""
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
    "small": {"preset": "small", "window": 192, "stride": 144, "reader_epochs": 12, "average": 6, "reader_rate": 1e-3},
}

MOVABLE = INTERRUPTION | {"data", "corpus", "out", "reader_chunk", "gradient_checkpointing"}
"""Fields in which a resumed run may differ: places, whose content must be the same, and what changes no weight."""


def main(config: Config) -> Progress:
    """The whole path."""
    states = check(config)
    accelerator = accelerated(config)
    data = read_data(config.data).relating().holding_out(config.held_out)
    data.require("train", "mentions", "triples")
    data.require("dev", "mentions", "triples")
    accelerator.print(f"{len(data.train)} + {len(data.dev)} documents, {len(data.relations)} relations")
    session = Session(accelerator, data, config.window, config.stride, config.seed, config.out, states)
    settings, encoders = prepare(config, session)
    session.require_room(encoders.inputs)
    index = session.index(encoders.retriever)
    torch.manual_seed(config.seed)  # new heads are a function of the seed, wherever a run goes on
    relik = Relik(*assemble(settings, encoders, index, str(accelerator.device)), settings)
    progress = read(config, session, relik)
    session.processes.once(states.forget)
    return progress


# Before training


def check(config: Config) -> Stages:
    """Refuse what cannot work or would lose something, before anything is loaded."""
    refuse_foreign(config.out)
    sound(config, PRESETS)
    return stage_states(config, MOVABLE, ("reader",), [*config.corpus])


def prepare(config: Config, session: Session) -> tuple[Settings, Encoders]:
    """The settings of the model, and its pretrained encoders."""
    retriever = RetrieverConfig(entities=0, dense=0, relations=config.relations)
    settings = untrained(session.data, retriever, config.window, config.stride)
    if config.preset == "small":
        folder = session.out.with_name(session.out.name + ".encoder")
        plan = LowestLayers(config.encoder, config.layers, config.vocabulary, config.dropout)
        return apart(settings, plan, session.data.texts(config.corpus), folder, session.processes)
    return joint(settings, config.retriever, config.reader, Way(config.lora, config.gradient_checkpointing))


# Training (section 3.2)


def read(config: Config, session: Session, relik: Relik) -> Progress:
    """Mentions, their types and the relations between them, all at once; or relations and types of given mentions."""
    bounds = 0.0 if config.mentions == "gold" else 1.0
    relik.reader.model.weights = LossWeights(start=bounds, end=bounds, relation=config.relation_weight)
    plan = Optimisation(
        config.reader_rate, config.reader_epochs, layer_decay=config.reader_layer_decay, patience=config.patience,
        average=config.average,
        encoder_rate=config.encoder_rate if config.preset == "small" else None,
    )  # fmt: skip
    predict = Relik.describe if config.mentions == "gold" else Relik.annotate
    keep = partial(keep_model, session, TASK, written_out("re_ru", config, PRESETS))
    teaching = Teaching(config.reader_tokens, config.reader_chunk, config.repeated)
    return train_reader(session, relik, plan, teaching, predict, keep)


command = recipe(__doc__, Config, PRESETS, main, mentions=["predicted", "gold"], repeated=["negatives", "ignored"])

if __name__ == "__main__":
    command()
