"""The two stages of a recipe: a retriever and its index, then a reader of what the index gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from relik_ml.errors import ConfigError
from relik_ml.index import PassageIndex
from relik_ml.models import merge_adapters, merged
from relik_ml.pipeline import Relik
from relik_ml.reader import Inputs
from relik_ml.retriever import TextEncoder
from relik_ml.score import Report, score
from relik_ml.text import windows
from relik_ml.training.adapters import keep_adapters
from relik_ml.training.batches import shuffled_batches
from relik_ml.training.calibrating import tuned
from relik_ml.training.candidates import found_gold, held_out_candidates, losses, shares
from relik_ml.training.card import Origin, Task, model_card, save_scored
from relik_ml.training.checkpoint import Progress
from relik_ml.training.contrast import Objective, Questions
from relik_ml.training.data import Data
from relik_ml.training.indexing import build_index
from relik_ml.training.lessons import Lessons, Teaching
from relik_ml.training.optim import Optimisation
from relik_ml.training.processes import Processes
from relik_ml.training.run import Epochs, Order, Run, Stages
from relik_ml.types import Document, Retrieved

if TYPE_CHECKING:
    from accelerate import Accelerator

Predict = Callable[[Relik, Iterable[Document]], Iterable[Document]]
"""``Relik.annotate``, or ``Relik.describe`` for what stands on gold mentions."""
Keep = Callable[[Relik, Report], None]
"""Saves a model with its scores on dev."""


@dataclass(frozen=True)
class Session:
    """What all stages of a recipe stand on."""

    accelerator: Accelerator
    data: Data
    window: int
    stride: int
    seed: int
    out: Path
    states: Stages

    def index(self, encoder: TextEncoder | None) -> PassageIndex:
        """All entries, with their vectors if there is an encoder, beside ``out``; the first process writes them."""
        folder = self.out.with_name(self.out.name + ".index")
        self.processes.once(lambda: build_index(self.data, encoder, folder, "float16").folder)
        return PassageIndex.open(folder)

    def require_room(self, inputs: Inputs) -> None:
        """Refuse windows of train and dev that a reader could not take (ConfigError), before a retriever is trained."""
        for document in (*self.data.train, *self.data.silver, *self.data.dev):
            inputs.fit([Retrieved(view, (), ()) for view in windows(document, self.window, self.stride)])

    @property
    def processes(self) -> Processes:
        """Those that train."""
        return Processes.of(self.accelerator)


def train_retriever(
    session: Session, encoder: TextEncoder, plan: Optimisation, batch: int, negatives: int
) -> PassageIndex:
    """Multi-label NCE over in-batch and random ``negatives`` (ReLiK, section 3.1), ``batch`` windows a step.

    Then adapters are merged and the index is built, with names learnt from train, beside the session's ``out``.
    """
    data = session.data
    questions = Questions.of(data.train, data.entries, session.window, session.stride)
    epochs = question_epochs(len(questions.views), batch, plan.epochs, session.seed)
    order = Order(epochs, [len(view.tokens) for view in questions.views])
    run = Run(session.accelerator, encoder.model, plan, order, session.seed, session.states["retriever"])
    objective = Objective(processes=run.processes)
    for places, random in run.steps("retriever"):
        loss = objective(encoder, questions.batch(places, negatives, random))
        session.accelerator.backward(loss)
        run.follow(loss.item())
    if run.processes.first:
        keep_adapters(session.out, encoder.model, "retriever")
    merge_adapters(encoder.model)
    return session.index(encoder)


def train_reader(
    session: Session,
    relik: Relik,
    plan: Optimisation,
    teaching: Teaching,
    predict: Predict,
    keep: Keep,
) -> Progress:
    """Teacher forcing (section 3.2).

    After every epoch what is predicted for dev is scored, by the first process; the best so far is to be kept. At the
    end its thresholds and calibration are fitted on the documents of train that were held out.
    """
    reader, data, say = relik.reader, session.data, session.accelerator.print
    entities = {entry.id: entry for entry in (*data.known, *data.own)}
    lessons = Lessons(reader.encode, read_candidates(session, relik), teaching, session.processes, entities)
    order = window_order(lessons.items, teaching.tokens, plan.epochs, session.seed)
    run = Run(session.accelerator, reader.model, plan, order, session.seed, session.states["reader"])
    for places, random in run.steps("reader"):
        run.descend(lessons.losses(run.model, places, random))
        if run.epoch_ends:
            with run.averaged():
                found = run.processes.once(lambda: score(data.dev, predict(relik, data.dev)))
                heads = {name: found.scores[name].f1 for name in found.heads}
                best = run.measured({"headline": found.headline, **heads})
                say(f"epoch {run.epoch}: {found.headlines()}{'  best' if best else ''}")
                if best and run.processes.first:
                    keep(relik, found)
    run.processes.once(lambda: finish(session, predict, keep))
    say(f"{shares(reader.encode.inputs.cut)}\nsaved to {session.out}, its scores in README.md")
    return run.progress


def finish(session: Session, predict: Predict, keep: Keep) -> None:
    """Fit thresholds and calibration of the model that was kept, and keep it with these."""
    if session.data.held_out:
        relik = Relik.from_pretrained(session.out, device=str(session.accelerator.device))
        relik = relik.configured(tuned(relik, session.data.held_out))
        found = score(session.data.dev, predict(relik, session.data.dev))
        session.accelerator.print(f"thresholds {relik.settings.thresholds}: {found.headlines()}")
        keep(relik, found)


def start_from(relik: Relik, folder: Path) -> None:
    """Give a new reader the weights of a model that a recipe left.

    Raises:
        ModelError: the folder is no model.
        ConfigError: its reader has another shape or another vocabulary.
    """
    start = Relik.from_pretrained(folder).reader.model.state_dict()
    own = relik.reader.model.state_dict()
    differing = sorted(name for name in own.keys() | start.keys() if not _alike(own.get(name), start.get(name)))
    if differing:
        fix = "train with the layers, encoder, vocabulary and texts that it was trained with"
        got = f"{len(differing)} weights are not alike, first {differing[0]}"
        raise ConfigError("the model to start from is of another shape", where=str(folder), got=got, fix=fix)
    relik.reader.model.load_state_dict(start)


def _alike(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two weights have one shape, and the same values where they are frozen subwords (integers)."""
    if one is None or other is None or one.shape != other.shape:
        return False
    return one.is_floating_point() or torch.equal(one, other)


def read_candidates(session: Session, relik: Relik) -> list[Retrieved]:
    """The windows of train with the candidates that fit; what is lost is said."""
    documents = [*session.data.train, *session.data.silver]
    shown = tqdm(documents, desc="candidates", disable=not session.processes.first)
    retrieved, kept = held_out_candidates(relik.retriever, shown, session.window, session.stride)
    items = relik.reader.encode.fit(retrieved)
    session.accelerator.print(losses(kept, relik.reader.encode.out_of_reach(items)))
    return items


def keep_model(session: Session, task: Task, command: str, relik: Relik, report: Report) -> None:
    """The model folder, adapters merged, with its card; beside it the adapters alone, and the scores for programs."""
    data, index = session.data, relik.retriever.index
    keep_adapters(session.out, relik.reader.model, "reader")
    relik = Relik(relik.retriever, relik.reader.over(merged(relik.reader.model)), relik.settings)
    retrieval = found_gold(relik.retriever, data.dev, session.window, session.stride)
    entities = len(data.known) + len(data.own) > 0
    card = model_card(task, Origin(data, command), report, retrieval if entities else None, index)
    save_scored(relik, session.out, report, card)


def question_epochs(count: int, size: int, epochs: int, seed: int) -> Epochs:
    """All questions in each epoch, ``size`` a batch, every time in another order.

    >>> [sorted(sum(epoch, [])) for epoch in question_epochs(3, 2, 2, seed=1)]
    [[0, 1, 2], [0, 1, 2]]
    """
    orders = (Random(seed + epoch).sample(range(count), count) for epoch in range(epochs))
    return [[order[start : start + size] for start in range(0, count, size)] for order in orders]


def window_order(items: Sequence[Retrieved], tokens: int, epochs: int, seed: int) -> Order:
    """All windows in each epoch, batches of like length, every time in another order."""
    lengths = [len(item.window.tokens) for item in items]
    return Order([shuffled_batches(lengths, tokens, Random(seed + epoch)) for epoch in range(epochs)], lengths)
