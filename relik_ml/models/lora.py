"""Low-rank adapters on an encoder (LoRA, Hu et al. 2022): a few trained matrices beside the frozen weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import nn

from relik_ml.errors import ConfigError

if TYPE_CHECKING:
    from relik_ml.models.retriever import BiEncoder


def add_adapters(model: BiEncoder, rank: int) -> None:
    """Freeze the encoder and put an adapter of ``rank`` beside each of its linear layers.

    The scale is ``alpha / rank`` with ``alpha = 2 * rank``. An adapter begins as zero, so vectors do not change yet.

    Raises:
        ConfigError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        fix = 'pip install "relik-ml[train]"'
        raise ConfigError("LoRA needs peft", got=str(error), fix=fix) from None
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules="all-linear")
    model.encoder = get_peft_model(model.encoder, config)


def merge_adapters(model: BiEncoder) -> None:
    """Add what the adapters have learnt to the weights, and take them off: the encoder's own class is left."""
    merge = getattr(model.encoder, "merge_and_unload", None)
    if merge is not None:
        model.encoder = cast(nn.Module, merge())
