"""Closed information extraction in Russian: retriever, index and reader, trained on NEREL in one command.

::

    relik-ml convert nerel --out data/nerel
    accelerate launch --mixed_precision bf16 recipes/cie_ru.py   # E5-base + mDeBERTa-v3-base, made for a 24 GB card
    accelerate launch --cpu recipes/cie_ru.py --preset compact   # from scratch on a CPU: the embedded model

``--out`` becomes a model folder for ``relik-ml annotate --model``; its index alone and the scores lie beside it.
The card of the embedded model, relik_ml/pretrained/README.md, has its exact command and scores.

The order is the paper's (ReLiK, Orlando et al. 2024, section 3): a bi-encoder learns to bring the entities and
relations of a window near it; an index is built with it; the reader learns to choose among what the index gives.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

import click
from accelerate import Accelerator
from accelerate.utils import set_seed
from tqdm import tqdm

from relik_ml import Relik
from relik_ml.bundle import Encoders, Settings, assemble, compact_encoders, refuse_foreign
from relik_ml.errors import ConfigError, ModelError, RelikError
from relik_ml.models.compact import CompactConfig
from relik_ml.models.config import HeadConfig, LossWeights
from relik_ml.models.encoder import MDEBERTA, JointEncoder
from relik_ml.reader.joint import JointInputs
from relik_ml.retriever.encode import TextEncoder, load_tokenizer
from relik_ml.retriever.index import PassageIndex
from relik_ml.retriever.names import FEATURES
from relik_ml.retriever.retriever import RetrieverConfig
from relik_ml.retriever.vectors import Storage
from relik_ml.score import Report, score
from relik_ml.text.lexicon import SHAPES
from relik_ml.training.batches import shuffled_batches
from relik_ml.training.candidates import found_gold, held_out_candidates, losses, shares
from relik_ml.training.card import model_card
from relik_ml.training.contrast import Objective, Questions
from relik_ml.training.data import Data, read_data
from relik_ml.training.flags import changed, flags, given, written
from relik_ml.training.indexing import build_index
from relik_ml.training.knowledge import inventory
from relik_ml.training.optim import Optimisation, optimiser, update
from relik_ml.training.vectors import compact_vocabulary


@dataclass(frozen=True)
class Config:
    """Every field is a flag of the command."""

    preset: Literal["full", "compact"] = "full"
    data: Path = Path("data/nerel")
    """Folder of train.jsonl and dev.jsonl, as ``relik-ml convert nerel`` writes it."""
    entities: Path | None = None
    """Entity table (see indexes/jsonl.py); without one only the entities of train can be linked to."""
    corpus: tuple[Path, ...] = ()
    """Running text whose frequent words a compact model should know (.txt, .txt.xz)."""
    out: Path = Path("runs/cie_ru")
    seed: int = 1
    window: int = 128
    stride: int = 96
    retriever: str = "intfloat/multilingual-e5-base"
    reader: str = MDEBERTA
    retriever_epochs: int = 4
    retriever_rate: float = 2e-5
    retriever_batch: int = 16
    negatives: int = 200
    """Passages drawn at random for each batch of the retriever, besides those of the other windows."""
    reader_epochs: int = 20
    reader_rate: float = 2e-5
    reader_tokens: int = 1024
    """Tokens in a batch of the reader, padding included."""
    candidates: int = 24
    """Entities a window brings to the reader (K)."""
    dense: int = 8
    """Those of them that may come by vector alone."""
    relations: int = 20
    """Relations a window brings along (K')."""
    relation_weight: float = 1.0
    words: int = 50_000
    """Word vectors of a compact model."""
    word_width: int = 112
    hidden: int = 128
    dropout: float = 0.3


PRESETS: dict[str, dict[str, Any]] = {
    "full": {"preset": "full"},
    "compact": {
        "preset": "compact", "window": 256, "stride": 192, "candidates": 100, "dense": 10, "relations": 50,
        "retriever_epochs": 6, "retriever_rate": 3e-3, "retriever_batch": 32, "negatives": 1000,
        "reader_epochs": 24, "reader_rate": 2e-3,
    },
}  # fmt: skip


def main(config: Config) -> Report:
    """The whole path; returns the scores on dev."""
    refuse_foreign(config.out)
    set_seed(config.seed)
    accelerator = Accelerator()
    if accelerator.num_processes > 1:
        raise ConfigError("the recipe runs as one process", got=f"{accelerator.num_processes}", fix="--num_processes 1")
    data = read_data(config.data, config.entities)
    accelerator.print(f"{len(data.train)} + {len(data.dev)} documents, {len(data.known)} + {len(data.own)} entities")
    settings, encoders = prepare(config, data)
    index = train_retriever(accelerator, config, data, encoders)
    relik = Relik(*assemble(settings, encoders, index, str(accelerator.device)), settings)
    report = train_reader(accelerator, config, data, relik)
    accelerator.print(f"{report.table()}\n\n{shares(relik.reader.encode.inputs.cut)}\nsaved to {config.out}")
    return report


# Before training: encoders, and what they are to know


def prepare(config: Config, data: Data) -> tuple[Settings, Encoders]:
    """The settings of the model and its untrained encoders."""
    settings = Settings(
        languages=tuple(sorted({document.lang for document in data.train})),
        heads=HeadConfig(width=2 * config.hidden, hit_features=len(FEATURES)),
        inventory=inventory(data.types, data.train),
        retriever=RetrieverConfig(config.candidates, config.dense, config.relations),
        window=config.window,
        stride=config.stride,
    )
    return (compact if config.preset == "compact" else joint)(config, settings, data)


def compact(config: Config, settings: Settings, data: Data) -> tuple[Settings, Encoders]:
    """Encoders from scratch over navec's vectors of the words of train and the most frequent others."""
    lexicon, rows = compact_vocabulary(data, config.corpus, config.words, config.word_width)
    encoder = CompactConfig(
        words=len(rows), lemmas=len(lexicon.lemmas) + 2, grammemes=len(lexicon.grammemes), shapes=len(SHAPES),
        word_width=config.word_width, hidden=config.hidden, hit_features=len(FEATURES), dropout=config.dropout,
    )  # fmt: skip
    return replace(settings, compact=encoder), compact_encoders(encoder, lexicon, rows, settings.inventory.types)


def joint(config: Config, settings: Settings, data: Data) -> tuple[Settings, Encoders]:
    """Pretrained encoders: a folder each, or a name on the Hugging Face Hub."""
    try:
        retriever = TextEncoder.from_pretrained(config.retriever)
        encoder = JointEncoder.from_pretrained(
            config.reader,
            types=len(settings.inventory.types),
            entities=config.candidates,
            relations=config.relations,
        )
        inputs = JointInputs(load_tokenizer(config.reader), encoder.config)
    except ModelError as error:
        raise ConfigError(
            "the pretrained encoders cannot be loaded",
            where=f"--retriever {config.retriever} --reader {config.reader}",
            got=f"{error.what}: {error.got}",
            fix="name folders that hold tokenizer.json and safetensors (docs/training.md), or use --preset compact",
        ) from error
    heads = replace(settings.heads, width=encoder.config.width)
    return replace(settings, heads=heads, joint=asdict(encoder.config)), Encoders(encoder, inputs, retriever)


# Retriever (section 3.1)


def train_retriever(accelerator: Accelerator, config: Config, data: Data, encoders: Encoders) -> PassageIndex:
    """Multi-label NCE over in-batch and random negatives; then the index, with names learnt from train."""
    questions = Questions.of(data.train, data.entries, config.window, config.stride)
    plan, objective = Optimisation(config.retriever_rate, config.retriever_epochs), Objective()
    random, count = Random(config.seed), len(questions.views)
    steps = -(-count // config.retriever_batch) * plan.epochs
    encoder, model = encoders.retriever, encoders.retriever.model
    adam, schedule = optimiser(model.to(accelerator.device), plan, steps)
    model, adam = accelerator.prepare(model, adam)
    model.train()
    bar = tqdm(total=steps, desc="retriever", disable=not accelerator.is_main_process)
    for _ in range(plan.epochs):
        order = random.sample(range(count), count)
        for start in range(0, count, config.retriever_batch):
            batch = questions.batch(order[start : start + config.retriever_batch], config.negatives, random)
            loss = objective(encoder, batch)
            update(accelerator, model, adam, loss, plan.clip)
            schedule.step()
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()
    storage: Storage = "int8" if config.preset == "compact" else "float16"
    return build_index(data, encoder, config.out.with_name(config.out.name + ".index"), storage)


# Reader (section 3.2)


def train_reader(accelerator: Accelerator, config: Config, data: Data, relik: Relik) -> Report:
    """Teacher-forced epochs; the folder holds the best one on dev, whose scores are returned."""
    reader, documents = relik.reader, tqdm(data.train, desc="candidates")
    retrieved, kept = held_out_candidates(relik.retriever, documents, config.window, config.stride)
    items = reader.encode.fit(retrieved)
    accelerator.print(losses(kept, reader.encode.out_of_reach(items)))
    reader.model.weights = LossWeights(relation=config.relation_weight)
    plan = Optimisation(config.reader_rate, config.reader_epochs)
    lengths = [len(item.window.tokens) for item in items]
    epochs = [shuffled_batches(lengths, config.reader_tokens, Random(config.seed + e)) for e in range(plan.epochs)]
    adam, schedule = optimiser(reader.model, plan, sum(map(len, epochs)))
    model, adam = accelerator.prepare(reader.model, adam)
    best = Report({})
    for epoch, batches in enumerate(epochs):
        model.train()
        bar = tqdm(batches, desc=f"reader {epoch + 1}/{plan.epochs}", disable=not accelerator.is_main_process)
        for places in bar:
            batch = reader.encode.with_gold([items[place] for place in places]).to(str(accelerator.device))
            output = model(batch)
            update(accelerator, model, adam, output.loss, plan.clip)
            schedule.step()
            bar.set_postfix({name: f"{loss.item():.3f}" for name, loss in output.losses.items()})
        found = score(data.dev, relik.annotate(data.dev))
        record = found.headline > best.headline or not epoch
        accelerator.print(f"epoch {epoch + 1}: {found.headlines()}{'  best' if record else ''}")
        best = found if record else best
        if record and accelerator.is_main_process:
            save(config, data, relik, found)
    return best


def save(config: Config, data: Data, relik: Relik, report: Report) -> None:
    """The model folder, with its card; and the scores beside it, for programs."""
    options = {"preset": config.preset, **changed(config, Config(**PRESETS[config.preset]))}
    command = f"accelerate launch {'--cpu ' * (config.preset == 'compact')}recipes/cie_ru.py {written(options)}"
    retrieval = found_gold(relik.retriever, data.dev, config.window, config.stride)
    card = model_card(command, report, retrieval, relik.retriever.index)
    Relik(relik.retriever, relik.reader, replace(relik.settings, card=card)).save_pretrained(config.out)
    config.out.with_name(config.out.name + ".scores.json").write_text(json.dumps(report.json(), indent=1))


@click.command(help=__doc__)
@flags(Config, preset=list(PRESETS))
def command(**values: Any) -> None:
    """Flags over preset over defaults."""
    named = given(values)
    try:
        main(Config(**{**PRESETS[named.get("preset", "full")], **named}))
    except RelikError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    command()
