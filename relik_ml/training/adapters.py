"""Adapters alone, beside the model that they are merged into."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from relik_ml.data import Format, atomic_folder, write_manifest
from relik_ml.models import adapted, save_adapters

FORMAT = Format("adapters", "relik-ml-adapters/1", "train them again")


def keep_adapters(out: Path, model: nn.Module, name: str) -> None:
    """Write ``OUT.adapters/NAME``, whole or not at all: a folder for peft; nothing, if the model has no adapters.

    Raises:
        OutputError: it cannot be written, or the folder holds something else.
    """
    if adapted(model):
        with atomic_folder(out.with_name(f"{out.name}.adapters") / name, FORMAT.wrote) as partial:
            save_adapters(model, partial)
            write_manifest(partial, FORMAT, {})
