"""The bi-encoder: any pretrained encoder, its token states averaged over the mask and normalised to length one."""

from __future__ import annotations

import re
from logging import ERROR
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relik_ml.errors import ModelError, OutputError, install
from relik_ml.models.deberta import use_fast_attention

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def mean_pool(states: Tensor, attention_mask: Tensor) -> Tensor:
    """Average token states (B, T, H) over the mask (B, T), padding left out: (B, H).

    >>> mean_pool(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[2.]])
    """
    mask = attention_mask.unsqueeze(-1).to(states.dtype)
    return (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


class BiEncoder(nn.Module):
    """One encoder for queries and passages.

    ``encoder`` takes ``input_ids`` and ``attention_mask`` and returns an object with ``last_hidden_state``.
    It is the architecture's own class, so position ids are whatever that architecture means by them:
    XLM-R counts from ``pad_id + 1``, BERT from 0.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        if getattr(encoder, "pooler", None) is not None:
            # Mean pooling leaves the pooler without a gradient, which DDP reports as an error.
            encoder.register_module("pooler", None)
        use_fast_attention(encoder)
        self.encoder = encoder

    @property
    def dimension(self) -> int:
        """The width D of the vectors."""
        config: Any = self.encoder.config
        return int(config.hidden_size)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode token ids (B, T) to unit vectors (B, D)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return F.normalize(mean_pool(states, attention_mask), dim=-1)

    @classmethod
    def from_pretrained(cls, name_or_folder: str | Path) -> BiEncoder:
        """Load a folder, without touching the network, or a model of the Hugging Face Hub by its name.

        Only safetensors are read, never a pickle, and no code of a model is ever run.

        Raises:
            ModelError: the folder or name does not exist, or holds no encoder that AutoModel can load.
        """
        name, local = str(name_or_folder), Path(name_or_folder).is_dir()
        if not local and not _HUB_NAME.fullmatch(name):
            raise ModelError("no such encoder folder", where=name, fix="check the path")
        try:
            encoder, missing = _load(name, local)
        except ModelError:
            raise
        except Exception as error:  # AutoModel raises OSError, ValueError, KeyError, SafetensorError, RuntimeError, …
            got = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            fix = "give a folder with config.json and model.safetensors, or a name on the Hugging Face Hub while online"
            raise ModelError("cannot load the encoder", where=name, got=got, fix=fix) from error
        if missing:
            got = f"{len(missing)} tensors missing, first {missing[0]}"
            fix = "get the folder again, or save it again with BiEncoder.save_pretrained"
            raise ModelError("encoder weights are incomplete", where=name, got=got, fix=fix)
        return cls(encoder).eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors`` into ``folder``, as transformers lays them out.

        Raises:
            OutputError: the folder cannot be written.
        """
        try:
            self.encoder.save_pretrained(str(folder))  # type: ignore[operator]
        except OSError as error:
            raise OutputError("cannot write the encoder", where=str(folder), got=str(error)) from error


def import_transformers() -> Any:
    """The library transformers; ModelError with what to install where it is missing."""
    try:
        import transformers
    except ImportError as error:
        raise ModelError("a transformer encoder needs transformers", got=str(error), fix=install("train")) from error
    return transformers


def _load(name: str, local: bool) -> tuple[nn.Module, list[str]]:
    """The encoder in float32, and the names of its weights that the files lack."""
    transformers = import_transformers()
    logging = transformers.utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity(ERROR)  # it would warn of a missing pooler, which is dropped; the rest is an error here
    try:
        encoder, found = transformers.AutoModel.from_pretrained(
            name, local_files_only=local, use_safetensors=True, trust_remote_code=False, dtype=torch.float32,
            output_loading_info=True,
        )  # fmt: skip
    finally:
        logging.set_verbosity(before)
    return encoder, sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
