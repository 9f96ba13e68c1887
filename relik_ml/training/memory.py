"""How much memory a step of training needs, worked out before it is run: an estimate.

The architecture is built and run once with tensors that have a shape and no content, so what a backward pass will
need is counted and not guessed, for whatever encoder AutoModel knows. What a card needs besides (the context of CUDA,
scratch of kernels, fragmentation) is not in it; fused attention, where there is one, needs less.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from relik_ml.errors import ConfigError
from relik_ml.models import BiEncoder, add_adapters, recompute_layers

GIB = 2**30
_XLMR = {"model_type": "xlm-roberta", "vocab_size": 250037, "max_position_embeddings": 514, "type_vocab_size": 1}
_WIDE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "microsoft/mdeberta-v3-base": {
        "model_type": "deberta-v2", "vocab_size": 251000, "max_position_embeddings": 512, "type_vocab_size": 0,
        "relative_attention": True, "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, **_WIDE,
    },
    "intfloat/multilingual-e5-small": {
        **_XLMR, "model_type": "bert", "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_size": 384,
        "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536,
    },
    "intfloat/multilingual-e5-base": {**_XLMR, "vocab_size": 250002, **_WIDE},
    "intfloat/multilingual-e5-large": {
        **_XLMR, "vocab_size": 250002, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
}  # fmt: skip
"""Sizes of the encoders that the recipes name, so that planning needs no network."""


@dataclass(frozen=True)
class Way:
    """How an encoder is trained."""

    lora: int = 0
    """Rank of the adapters; 0 trains all weights."""
    checkpointing: bool = False
    """Whether each layer is computed again for the backward pass instead of being kept."""
    bf16: bool = True

    def __str__(self) -> str:
        trained = f"LoRA {self.lora}" if self.lora else "full"
        return f"{trained}{', gradient checkpointing' if self.checkpointing else ''}"

    def prepare(self, model: nn.Module, rows: Sequence[int] = ()) -> None:
        """Let the encoder of a model be trained in this way; see ``add_adapters`` for the ``rows``."""
        if self.lora:
            add_adapters(model, self.lora, rows)
        if self.checkpointing:
            recompute_layers(model)


FULL = Way()


@dataclass(frozen=True)
class Need:
    """Bytes of one step."""

    parameters: int
    """Their number."""
    trained: int
    """How many of them are trained."""
    activations: int
    """Kept from the forward to the backward pass."""

    @property
    def weights(self) -> int:
        """Of float32 parameters."""
        return 4 * self.parameters

    @property
    def gradients(self) -> int:
        """Of what is trained, float32."""
        return 4 * self.trained

    @property
    def adam(self) -> int:
        """AdamW's two moments."""
        return 8 * self.trained

    @property
    def total(self) -> int:
        """All of it at the end of a forward pass, gradients included."""
        return self.weights + self.gradients + self.adam + self.activations


def need(config: Mapping[str, Any], way: Way, texts: int, length: int) -> Need:
    """What one step with ``texts`` texts of ``length`` tokens needs; nothing of that size is ever allocated.

    With checkpointing one layer is there whole at a time, besides what stands between all of them.

    Raises:
        ConfigError: the configuration describes no encoder that can be run on such texts.
    """
    found = _counted(config, way, texts, length)
    if not way.checkpointing:
        return found
    whole = _counted(config, replace(way, checkpointing=False), texts, length)
    return replace(found, activations=found.activations + whole.activations // int(config["num_hidden_layers"]))


def _counted(config: Mapping[str, Any], way: Way, texts: int, length: int) -> Need:
    import transformers

    auto: Any = transformers.AutoModel  # has no annotations
    try:
        with torch.device("meta"):
            base = transformers.AutoConfig.for_model(**config)
            model = BiEncoder(auto.from_config(base, dtype=torch.float32, trust_remote_code=False))
            way.prepare(model)
        with FakeTensorMode():
            _pretend(model)
            ids = torch.ones(texts, length, dtype=torch.long)
            kept = activations(model.train(), {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, way.bf16)
        sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    except ConfigError:
        raise
    except Exception as error:  # whatever impossible sizes make of a constructor or a forward pass
        got = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        fix = "check config.json, and that --length is within the encoder's positions"
        raise ConfigError("no step of this encoder can be planned", got=got, fix=fix) from error
    return Need(sum(size for size, _ in sizes), sum(size for size, moved in sizes if moved), kept)


def activations(model: nn.Module, inputs: Mapping[str, Tensor], bf16: bool = False) -> int:
    """Bytes that a forward pass keeps for the backward pass, each storage once, the parameters themselves left out."""
    own = {weight.untyped_storage()._cdata for weight in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # held, lest an address be used twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        output = model(**inputs)
    size = sum(storage.nbytes() for place, storage in kept.items() if place not in own)
    del output
    return size


def encoder_config(name: str) -> Mapping[str, Any]:
    """The configuration of a folder's encoder, or of one of ``PUBLISHED``.

    Raises:
        ConfigError: it is neither.
    """
    file = Path(name) / "config.json"
    if name in PUBLISHED and not file.is_file():
        return PUBLISHED[name]
    try:
        found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fix = f"name a folder with config.json, or {', '.join(PUBLISHED)}"
        raise ConfigError("the sizes of the encoder are not known", where=name, got=str(error), fix=fix) from None
    return found


def table(name: str, memory: float, tokens: int, length: int, lora: int) -> str:
    """What each way of training an encoder needs with ``tokens`` tokens a step, and what of it fits ``memory`` GiB."""
    config, texts = encoder_config(name), max(1, tokens // length)
    lines = [f"{name}: {texts} x {length} tokens a step, bf16, {memory:g} GiB (an estimate)"]
    for rank, checkpointing in product((0, lora), (False, True)):
        way = Way(rank, checkpointing)
        found = need(config, way, texts, length)
        parts = ((found.weights, "weights"), (found.gradients + found.adam, "gradients and AdamW"),
                 (found.activations, "activations"))  # fmt: skip
        said = " + ".join(f"{size / GIB:.1f} {part}" for size, part in parts)
        verdict = "fits" if found.total <= memory * GIB else "does not fit"
        each = found.activations / (texts * length) / 2**20
        lines.append(f"  {way}: {said} = {found.total / GIB:.1f} GiB, {each:.2f} MiB a token: {verdict}")
    return "\n".join(lines)


def _pretend(model: nn.Module) -> None:
    """Let a model of no device pass for one of the CPU, where autocast is at home."""
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            empty = torch.empty(weight.shape, dtype=weight.dtype)
            setattr(module, name, nn.Parameter(empty, requires_grad=weight.requires_grad))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, torch.empty(buffer.shape, dtype=buffer.dtype))
