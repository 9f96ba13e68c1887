"""Writes a trained model with its card and scores, and its adapters."""

import json
from dataclasses import replace
from pathlib import Path

from torch import nn

from relik_ml.data import Format, atomic_folder, atomic_path, write_manifest
from relik_ml.models import TorchNetwork, adapted, merged, save_adapters
from relik_ml.pipeline import Relik
from relik_ml.score import ScoreReport
from relik_ml.training.candidates import found_gold
from relik_ml.training.card import Origin, Task, model_card
from relik_ml.training.start import model_of

ADAPTERS = Format("adapters", "relik-ml-adapters/1", "train them again")


def save_model(folder: Path, task: Task, origin: Origin, relik: Relik, report: ScoreReport) -> None:
    """Write the model folder, adapters merged, with its card; beside it the adapters alone, and the scores as JSON."""
    model = model_of(relik)
    keep_adapters(folder, model, "reader")
    relik = Relik(relik.retriever, relik.reader.over(TorchNetwork(merged(model))), relik.settings)
    data, settings = origin.data, relik.settings
    entities = len(data.known) + len(data.own) > 0
    recall = found_gold(relik.retriever, data.dev, settings.window, settings.stride) if entities else None
    card = model_card(task, origin, report, recall, relik.retriever.index)
    Relik(relik.retriever, relik.reader, replace(settings, card=card)).save_pretrained(folder)
    with atomic_path(folder.with_name(f"{folder.name}.scores.json")) as partial:
        partial.write_text(json.dumps(report.json(), indent=1), encoding="utf-8")


def keep_adapters(out: Path, model: nn.Module, name: str) -> None:
    """Write ``OUT.adapters/NAME``, a folder for peft, if the model has adapters.

    Raises:
        OutputError: it cannot be written, or the folder holds something else.
    """
    if adapted(model):
        with atomic_folder(out.with_name(f"{out.name}.adapters") / name, ADAPTERS.wrote) as partial:
            save_adapters(model, partial)
            write_manifest(partial, ADAPTERS, {})
