"""The two stages of a recipe: a retriever and its index, then a reader of what the index gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from relik_ml.reader.reader import Reader
from relik_ml.score import Report
from relik_ml.training.batches import shuffled_batches
from relik_ml.training.contrast import Objective, Questions, TrainableEncoder
from relik_ml.training.run import Epochs, Run
from relik_ml.types import Retrieved


def question_epochs(count: int, size: int, epochs: int, seed: int) -> Epochs:
    """All questions in each epoch, ``size`` a batch, every time in another order.

    >>> [sorted(sum(epoch, [])) for epoch in question_epochs(3, 2, 2, seed=1)]
    [[0, 1, 2], [0, 1, 2]]
    """
    orders = (Random(seed + epoch).sample(range(count), count) for epoch in range(epochs))
    return [[order[start : start + size] for start in range(0, count, size)] for order in orders]


def window_epochs(items: Sequence[Retrieved], tokens: int, epochs: int, seed: int) -> Epochs:
    """All windows in each epoch, batches of like length, every time in another order."""
    lengths = [len(item.window.tokens) for item in items]
    return [shuffled_batches(lengths, tokens, Random(seed + epoch)) for epoch in range(epochs)]


def retrieve_epochs(run: Run, encoder: TrainableEncoder, questions: Questions, negatives: int) -> None:
    """Multi-label NCE over in-batch and random negatives (ReLiK, Orlando et al. 2024, section 3.1)."""
    objective = Objective()
    for places, random in run.steps("retriever"):
        run.descend(objective(encoder, questions.batch(places, negatives, random)))


def read_epochs(
    run: Run, reader: Reader, items: Sequence[Retrieved], measure: Callable[[], Report], keep: Callable[[Report], None]
) -> None:
    """Teacher forcing (section 3.2). After every epoch ``measure`` scores dev; the best so far is to be kept."""
    for places, _ in run.steps("reader"):
        batch = reader.encode.with_gold([items[place] for place in places])
        run.descend(run.model(batch.to(str(run.accelerator.device))).loss)
        if run.epoch_ends:
            found = measure()
            best = run.measured({"headline": found.headline})
            run.accelerator.print(f"epoch {run.epoch}: {found.headlines()}{'  best' if best else ''}")
            if best:
                keep(found)
