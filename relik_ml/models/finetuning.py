"""Fine-tuning a large encoder in little memory: low-rank adapters (LoRA, Hu et al. 2022), gradient checkpointing."""

import warnings
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import nn

from relik_ml.errors import ConfigError, install

HEADS = "heads.safetensors"
"""File of the trained weights outside the adapters."""

M = TypeVar("M", bound=nn.Module)


def add_adapters(model: nn.Module, rank: int, rows: Sequence[int] = ()) -> None:
    """Freeze ``model.encoder``, of transformers, and put an adapter of ``rank`` beside each of its linear layers.

    The scale is ``alpha / rank`` with ``alpha = 2 * rank``. Adapters start at zero, so the output does not change yet.
    ``rows`` of the vocabulary are trained as well: symbols that the encoder was not pretrained on.

    Raises:
        ConfigError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ConfigError("LoRA needs peft", got=str(error), fix=install("train")) from None
    encoder: Any = model.encoder
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules="all-linear",
        trainable_token_indices=list(rows) or None,
    )  # fmt: skip
    model.encoder = get_peft_model(encoder, config)


def adapted(model: nn.Module) -> list[nn.Module]:
    """The modules in ``model`` whose encoder has adapters."""
    return [module for module in model.modules() if hasattr(getattr(module, "encoder", None), "merge_and_unload")]


def merge_adapters(model: nn.Module) -> None:
    """Add the adapters to the weights and remove them, so that the encoder's own class is left."""
    for module in adapted(model):
        encoder: Any = module.encoder
        module.encoder = encoder.merge_and_unload()


def merged(model: M) -> M:
    """The model itself, or a copy with merged adapters if it has any."""
    if not adapted(model):
        return model
    copy = deepcopy(model)
    merge_adapters(copy)
    return copy


def save_adapters(model: nn.Module, folder: Path) -> None:
    """Write the adapters of the one adapted encoder as peft does, and all other trained weights beside them."""
    (module,) = adapted(model)
    encoder: Any = module.encoder
    encoder.peft_config["default"].base_model_name_or_path = None  # a local path says nothing on another machine
    encoder.save_pretrained(folder, save_embedding_layers=False)
    inside = {id(weight) for weight in encoder.parameters()}
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    others = {name: weight.detach().cpu().contiguous() for name, weight in trained.items() if id(weight) not in inside}
    if others:
        save_file(others, folder / HEADS)


def recompute_layers(model: nn.Module) -> None:
    """Gradient checkpointing (Chen et al. 2016): recompute each layer of ``model.encoder`` in the backward pass."""
    encoder: Any = model.encoder  # transformers' class, or peft's around it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # transformers renames this method in some versions of 5
        encoder.gradient_checkpointing_enable({"use_reentrant": False})
