"""Closed information extraction in Russian, or a part of it, trained on NEREL in one command.

::

    relik-ml convert nerel --out data/nerel
    accelerate launch -q --mixed_precision bf16 recipes/cie_ru.py   # E5-base + mDeBERTa-v3-base, made for a 24 GB card
    accelerate launch -q --cpu recipes/cie_ru.py --preset small     # E5-small on a CPU: the embedded models
    accelerate launch -q --cpu recipes/cie_ru.py --preset small --resume    # after a kill, to the same weights
    accelerate launch -q --cpu recipes/cie_ru.py --preset small --task re --mentions gold    # relations alone

``--out`` becomes a model folder for ``relik-ml annotate --model``, the best epoch so far. Scores and time of ``small``
are in docs/results/embedded-model.md; ``full`` has not been trained at full size, so its scores are not measured.

The steps are the paper's (ReLiK, Orlando et al. 2024, section 3): train a bi-encoder to retrieve the entities and
relations of a window, build an index with it, and train the reader on the retrieved candidates. All random numbers
depend only on the seed and the number of the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

import torch
from accelerate import Accelerator
from tqdm import tqdm

from relik_ml import Relik, training
from relik_ml.bundle import FORMAT, Settings
from relik_ml.data import refuse_foreign
from relik_ml.e5 import NAME as E5_SMALL
from relik_ml.encoders import TextEncoder
from relik_ml.index import PassageIndex
from relik_ml.models import MDEBERTA, LossWeights, merge_adapters
from relik_ml.retriever import RetrieverConfig
from relik_ml.score import ScoreReport, score
from relik_ml.training import Count, NonNegative, Positive, PositiveInt, Presets, Processes, RecipeConfig, Share, Task
from relik_ml.types import Document, Retrieved

TASKS = {
    "cie": Task("Closed information extraction in Russian", "Mentions of 29 types, links to Wikidata and 49 relations"),
    "el": Task("Entity linking in Russian", "Mentions of 29 types and links to Wikidata"),
    "re": Task("Relation extraction in Russian", "Mentions of 29 types and 49 relations between them"),
}
# What the training data must annotate besides mentions.
GOLD: dict[str, tuple[training.Layer, ...]] = {"cie": ("links", "triples"), "el": ("links",), "re": ("triples",)}


@dataclass(frozen=True)
class Config(RecipeConfig):
    """Fields of this recipe, besides those of all recipes. Each field is a flag of the command."""

    preset: Literal["full", "small"] = "full"
    """Encoders and their settings; without it full where there is a CUDA device, else small."""
    task: Literal["cie", "el", "re"] = "cie"
    """What is learnt: cie mentions, links and relations; el omits relations, re omits links."""
    silver: tuple[Path, ...] = ()
    """Documents that `relik-ml annotate` wrote: the reader learns from their mentions and triples, too."""
    properties: Path | None = None
    """Table of Wikidata properties, JSON Lines: names of the relations of train that NEREL has not."""
    corpus: tuple[Path, ...] = ()
    """Running text whose frequent subwords a small model keeps, besides those of train (.txt, .txt.xz)."""
    out: Path = Path("runs/cie_ru")
    """Model folder to write."""
    retriever: str = "intfloat/multilingual-e5-base"
    """Encoder of the retriever, a folder or a name on the Hugging Face Hub; with --task re it is not trained."""
    index: Path | None = None
    """An index built by --retriever, as retriever_ru.py leaves it; the retriever is then not trained."""
    reader: str = MDEBERTA
    """Encoder of the reader, a folder or a name on the Hugging Face Hub."""
    retriever_num_epochs: PositiveInt = 4
    """Epochs of the retriever."""
    retriever_learning_rate: Positive = 2e-5
    """Largest learning rate of the retriever."""
    retriever_batch_size: PositiveInt = 16
    """Windows in a step of the retriever, of all processes together."""
    negatives: Count = 200
    """Passages drawn at random for each step of the retriever, besides those of the other windows."""
    num_epochs: PositiveInt = 20
    """Epochs of the reader."""
    average_epochs: Count = 0
    """Epochs at the end whose final weights are averaged; dev is scored with the mean."""
    patience: Count = 0
    """Epochs without a better score on dev after which the reader is done; 0 runs all of them."""
    encoder_learning_rate: NonNegative | None = None
    """Learning rate of the reader's pretrained encoder; none takes --learning-rate."""
    tokens_per_step: PositiveInt = 1024
    """Tokens of windows in a step of the reader, padding included, of all processes together."""
    chunk_tokens: Count = 0
    """Tokens that go through the reader at once: gradients are accumulated. 0: all that a process has of a step."""
    candidates: Count = 24
    """Entities that a window brings to the reader (K)."""
    dense: Count = 8
    """Those of them that may come by vector alone."""
    relations: Count = 20
    """Relations that a window brings along (K')."""
    relation_weight: NonNegative = 1.0
    """Weight of the loss of relations."""
    mentions: Literal["predicted", "gold"] = "predicted"
    """With --task re: with gold the bounds of mentions are not learnt, and dev's are given."""
    repeated: Literal["negatives", "ignored"] = "negatives"
    """Pairs of mentions that repeat a fact: NEREL marks the nearest pair and leaves open the others."""
    encoder: str = E5_SMALL
    """Encoder of a small model."""
    start: Path | None = None
    """A small model whose reader is trained further, with its layers and its vocabulary: a name or a folder."""
    start_share: Share = 0.0
    """Share of the start's weights in the model that is saved, so that it forgets little of what it knew."""
    teacher: Path | None = None
    """A small model with the same vocabulary and labels, whose probabilities the reader learns beside the gold."""
    teacher_weight: Share = 0.5
    """Share of the teacher's probabilities in the targets; the rest is gold."""
    layers: PositiveInt = 6
    """Layers of the small model's encoder that are kept, the lowest ones."""
    vocabulary: PositiveInt = 60_000
    """Subwords of the small model's encoder that are kept."""
    dropout: Share = 0.1
    """Dropout of a small model."""
    held_out: Share = 0.05
    """Share of train that is not learnt from: thresholds and calibration are fitted on it."""


PRESETS = Presets(Path(__file__), Config, ("preset", "task"))
PATHS = {"data", "entities", "silver", "properties", "corpus", "encoder", "start", "teacher", "out"}
MOVABLE = training.INTERRUPTION | PATHS | {"chunk_tokens", "gradient_checkpointing"}
"""Fields in which a resumed run may differ: paths, whose content must be the same, and fields that change no weight."""
RETRIEVER_TRAINING = {"index", "retriever_num_epochs", "retriever_learning_rate", "retriever_batch_size", "negatives"}
LINKING = {"entities", "skip", "derived", "candidates", "dense"}
STARTS = {"start", "start_share"}
UNUSED = {
    "small": RETRIEVER_TRAINING | {"retriever", "reader", "dense", "lora_rank", "gradient_checkpointing"},
    "full": STARTS | {"corpus", "encoder", "teacher", "teacher_weight", "layers", "vocabulary", "dropout"},
    "cie": {"mentions"},
    "el": {"relations", "relation_weight", "repeated", "mentions"},
    "re": LINKING | RETRIEVER_TRAINING,
    "start": {"corpus", "encoder", "layers", "vocabulary", "dropout"},
}
"""Fields that a preset or a task does not use, or training from a start."""


class Session(NamedTuple):
    """What both stages share."""

    accelerator: Accelerator
    processes: Processes
    data: training.Data
    checkpoints: training.Checkpoints


def train(config: Config) -> training.Progress:
    """Train the retriever, build the index, train the reader; returns the progress of the reader."""
    checkpoints = check(config)
    accelerator = training.start_accelerator(config)
    session = Session(accelerator, Processes.of(accelerator), load_data(config), checkpoints)
    start = Relik.from_pretrained(config.start, backend="torch") if config.start else None
    settings, encoders = load_encoders(config, session, start)
    training.require_room(session.data, encoders.inputs, config.window, config.stride)
    index = load_index(config, session, encoders.retriever)
    torch.manual_seed(config.seed)  # new heads depend only on the seed, also in a resumed run
    relik = training.assemble(settings, encoders, index, str(accelerator.device))
    if start:
        training.take_weights(relik, start)
    progress = train_reader(config, session, relik)
    session.processes.run_once(checkpoints.delete)
    return progress


def check(config: Config) -> training.Checkpoints:
    """Check the configuration and the output folder, before anything is loaded."""
    refuse_foreign(config.out, FORMAT.wrote)
    config.validate()
    for choice in (config.preset, config.task):
        training.refuse_unused(PRESETS.changed(config), UNUSED[choice], choice)
    if config.start:
        training.refuse_unused(PRESETS.changed(config), UNUSED["start"], "--start")
    stages = ("reader",) if config.task == "re" else ("retriever", "reader")
    tables = [*config.entities, *([config.properties] if config.properties else [])]
    files = [*training.splits(config.data), *tables, *config.silver, *config.corpus]
    return training.Checkpoints.of(config, MOVABLE, files, stages)


def load_data(config: Config) -> training.Data:
    """The documents and entries of the task, with gold to learn and to score."""
    data = training.read_data(config.data, config.table, config.silver, config.properties).for_task(config.task)
    data = data.holding_out(config.held_out)
    data.require("train", "mentions", *GOLD[config.task])
    data.require("dev", "mentions", *(GOLD[config.task] if config.task != "cie" else ()))
    return data


def load_encoders(config: Config, session: Session, start: Relik | None) -> tuple[Settings, training.Encoders]:
    """The settings of the model, and its pretrained encoders, or those of the model to ``start`` from."""
    retriever = RetrieverConfig(config.candidates, config.dense, config.relations)
    settings = training.untrained(session.data, retriever, config.window, config.stride)
    if start:
        return training.further(settings, start)
    if config.preset == "small":
        folder = config.out.with_name(f"{config.out.name}.encoder")
        plan = training.LowestLayers(config.encoder, config.layers, config.vocabulary, config.dropout)
        return training.apart(settings, plan, session.data.texts(config.corpus), folder, session.processes)
    return training.joint(settings, config.retriever, config.reader, config.peft)


def load_index(config: Config, session: Session, encoder: TextEncoder | None) -> PassageIndex:
    """The index that was given, or all entries encoded by the retriever, which is trained before."""
    if encoder and config.index:
        return training.given_index(config.index, encoder, "entity", *(("relation",) if config.task == "cie" else ()))
    if encoder and config.task != "re":
        train_retriever(config, session, encoder)
    folder = config.out.with_name(f"{config.out.name}.index")
    session.processes.run_once(lambda: training.build_index(session.data, encoder, folder, "float16").folder)
    return PassageIndex.open(folder)


def train_retriever(config: Config, session: Session, encoder: TextEncoder) -> None:
    """Section 3.1: train the bi-encoder on windows and their gold passages with multi-label NCE."""
    accelerator, processes, data, checkpoints = session
    queries = training.Queries.of(data.train, data.entries, config.window, config.stride)
    count, size = len(queries.views), config.retriever_batch_size
    orders = (Random(config.seed + epoch).sample(range(count), count) for epoch in range(config.retriever_num_epochs))
    epochs = [[order[start : start + size] for start in range(0, count, size)] for order in orders]
    config.peft.prepare(encoder.model)
    plan = training.OptimizerConfig(config.retriever_learning_rate, config.retriever_num_epochs, config.warmup_ratio)
    # Prepared as for evaluation, so that the model is not wrapped: gradients are summed over processes once a step.
    model = accelerator.prepare_model(encoder.model, evaluation_mode=True)
    optimizer, schedule = training.create_optimizer(model, plan, sum(map(len, epochs)))
    optimizer, checkpoint = accelerator.prepare(optimizer), checkpoints["retriever"]
    tokens = [len(view.tokens) for view in queries.views]
    state = training.TrainerState(accelerator, model, optimizer, schedule, epochs, tokens, checkpoint, config.seed)
    objective = training.Objective(processes=processes)
    for batches in state.remaining_epochs():
        for batch, random in state.steps(batches):
            loss = objective(encoder, queries.batch(batch, config.negatives, random))
            accelerator.backward(loss)
            processes.sum_gradients(model)
            accelerator.clip_grad_norm_(model.parameters(), plan.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            state.advance(loss.item())
        state.save()
    if processes.is_first:
        training.keep_adapters(config.out, encoder.model, "retriever")
    merge_adapters(encoder.model)


def train_reader(config: Config, session: Session, relik: Relik) -> training.Progress:
    """Section 3.2: mentions, their types and links and the relations between them, by teacher forcing.

    After each epoch the first process annotates dev and keeps the best model; at the end its thresholds and calibration
    are fitted on the documents of train that were held out.
    """
    accelerator, processes, data, checkpoints = session
    origin, bounds = training.Origin(data, PRESETS.command(config)), 0.0 if config.mentions == "gold" else 1.0
    reader = training.model_of(relik)
    reader.weights = LossWeights(start=bounds, end=bounds, relation=config.relation_weight)
    teacher = training.teacher(relik, config.teacher, config.teacher_weight) if config.teacher else None
    if teacher is not None:
        teacher = accelerator.prepare_model(teacher, evaluation_mode=True)
    items, encode = candidates(config, session, relik), relik.reader.encode
    windows = training.ReaderTraining(encode, items, config.chunk_tokens, config.repeated, processes, teacher)
    tokens = [len(item.window.tokens) for item in windows.items]
    seeds = range(config.seed, config.seed + config.num_epochs)
    epochs = [training.shuffled_batches(tokens, config.tokens_per_step, Random(seed)) for seed in seeds]
    plan = training.OptimizerConfig(
        config.learning_rate, config.num_epochs, config.warmup_ratio, config.layer_decay, config.encoder_learning_rate
    )
    model = accelerator.prepare_model(reader, evaluation_mode=True)
    optimizer, schedule = training.create_optimizer(model, plan, sum(map(len, epochs)))
    optimizer, checkpoint = accelerator.prepare(optimizer), checkpoints["reader"]
    start = training.copied_weights(model) if config.start_share else {}
    state = training.TrainerState(accelerator, model, optimizer, schedule, epochs, tokens, checkpoint, config.seed)
    for batches in state.remaining_epochs(config.patience):
        for batch, _ in state.steps(batches):
            total = torch.zeros((), device=accelerator.device)
            for loss in windows.losses(model, batch):  # one for each chunk of this process's share
                accelerator.backward(loss)
                total += loss.detach()
            processes.sum_gradients(model)
            accelerator.clip_grad_norm_(model.parameters(), plan.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            state.advance(processes.all_reduce(total).item())
        with state.averaged(config.average_epochs, start, config.start_share):
            report = processes.run_once(lambda: evaluate(config, relik, data.dev))
            f1 = {name: report.scores[name].f1 for name in report.heads}
            best = state.record({"headline": report.headline, **f1}, "headline")
            accelerator.print(f"epoch {state.epoch}: {report.headlines()}{'  best' if best else ''}")
            if best and processes.is_first:
                training.save_model(config.out, TASKS[config.task], origin, relik, report)
        state.save()
    processes.run_once(lambda: calibrate(config, session, origin))
    accelerator.print(training.shares(relik.reader.encode.inputs.cut))
    accelerator.print(f"saved to {config.out}, its scores in README.md")
    return state.progress


def candidates(config: Config, session: Session, relik: Relik) -> list[Retrieved]:
    """The windows of train with the candidates that fit; prints what is lost."""
    documents = tqdm([*session.data.train, *session.data.silver], "candidates", disable=not session.processes.is_first)
    retrieved, kept = training.held_out_candidates(relik.retriever, documents, config.window, config.stride)
    encode = relik.reader.encode
    items = encode.fit(training.annotated_relations(retrieved, session.data.labels(lambda document: document.corpus)))
    session.accelerator.print(training.losses(kept, encode.out_of_reach(items)))
    return items


def evaluate(config: Config, relik: Relik, documents: Sequence[Document]) -> ScoreReport:
    """The scores of what is predicted for documents, or for their mentions with ``--mentions gold``."""
    return score(documents, (relik.describe if config.mentions == "gold" else relik.annotate)(documents))


def calibrate(config: Config, session: Session, origin: training.Origin) -> None:
    """Fit thresholds and calibration of the best model, and save it with them."""
    if session.data.held_out:
        relik = Relik.from_pretrained(config.out, device=str(session.accelerator.device), backend="torch")
        relik = relik.configured(training.tuned(relik, session.data.held_out))
        report = evaluate(config, relik, session.data.dev)
        session.accelerator.print(f"thresholds {relik.settings.thresholds}: {report.headlines()}")
        training.save_model(config.out, TASKS[config.task], origin, relik, report)


def main(args: list[str] | None = None) -> None:
    """Train with the flags of the command line."""
    PRESETS.run(train, __doc__, args)


if __name__ == "__main__":
    main()
