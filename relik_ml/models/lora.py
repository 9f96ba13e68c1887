"""Low-rank adapters on an encoder (LoRA, Hu et al. 2022): a few trained matrices beside the frozen weights."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import nn

from relik_ml.errors import ConfigError

HEADS = "heads.safetensors"


M = TypeVar("M", bound=nn.Module)


def add_adapters(model: nn.Module, rank: int, rows: Sequence[int] = ()) -> None:
    """Freeze ``model.encoder``, of transformers, and put an adapter of ``rank`` beside each of its linear layers.

    The scale is ``alpha / rank`` with ``alpha = 2 * rank``. An adapter begins as zero, so vectors do not change yet.
    ``rows`` of the vocabulary are trained, too: those of symbols that no pretraining has seen.

    Raises:
        ConfigError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        fix = 'pip install "relik-ml[train]"'
        raise ConfigError("LoRA needs peft", got=str(error), fix=fix) from None
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.05,
        target_modules="all-linear",
        trainable_token_indices=list(rows) or None,
    )
    encoder: Any = model.encoder
    model.encoder = get_peft_model(encoder, config)


def adapted(model: nn.Module) -> list[nn.Module]:
    """The modules in ``model`` whose encoder has adapters."""
    return [module for module in model.modules() if hasattr(getattr(module, "encoder", None), "merge_and_unload")]


def merge_adapters(model: nn.Module) -> None:
    """Add what the adapters have learnt to the weights, and take them off: the encoder's own class is left."""
    for module in adapted(model):
        encoder: Any = module.encoder
        module.encoder = encoder.merge_and_unload()


def merged(model: M) -> M:
    """The model itself, or, if it has adapters, a copy with these in its weights."""
    if not adapted(model):
        return model
    copy = deepcopy(model)
    merge_adapters(copy)
    return copy


def save_adapters(model: nn.Module, folder: Path) -> None:
    """Write the adapters of the one adapted encoder as peft does, and beside them whatever else is trained."""
    (module,) = adapted(model)
    encoder: Any = module.encoder
    encoder.peft_config["default"].base_model_name_or_path = None  # a folder of whoever trained it
    encoder.save_pretrained(folder, save_embedding_layers=False)
    inside = {id(weight) for weight in encoder.parameters()}
    others = {
        name: weight.detach().cpu().contiguous()
        for name, weight in model.named_parameters()
        if weight.requires_grad and id(weight) not in inside
    }
    if others:
        save_file(others, folder / HEADS)
