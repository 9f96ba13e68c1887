"""Fast tokenizers of transformers, each exactly as it was published: never through AutoTokenizer.

AutoTokenizer of transformers 5 rebuilds the normaliser of some: a no-break space becomes ``[UNK]`` for DeBERTa.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from relik_ml.encoders.sentencepiece import LAYOUTS, fast_tokenizer, read_model
from relik_ml.errors import ModelError

_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_UNBOUNDED = 10**9  # transformers writes 10^30 where a tokenizer has no longest input


def load_tokenizer(name_or_folder: str | Path) -> Any:
    """The tokenizer exactly as its ``tokenizer.json`` describes it, or else its SentencePiece model.

    A folder is read without touching the network.

    Raises:
        ModelError: there is neither, or it cannot be read.
    """
    import transformers

    tokenizer_class: Any = transformers.PreTrainedTokenizerFast  # has no annotations
    try:
        settings = json.loads(_file(name_or_folder, "tokenizer_config.json").read_text("utf-8"))
        return tokenizer_class(
            model_max_length=min(settings.get("model_max_length", _UNBOUNDED), _UNBOUNDED),
            **(_source(name_or_folder, settings) | _special_tokens(settings)),
        )
    except Exception as error:  # tokenizers raises plain Exception
        raise ModelError(
            "cannot load the tokenizer",
            where=str(name_or_folder),
            got=f"{type(error).__name__}: {error}",
            fix="give a folder with tokenizer.json (or spm.model) and tokenizer_config.json, as they are published",
        ) from error


def save_tokenizer(tokenizer: Any, folder: str | Path) -> None:
    """Save a tokenizer so that `load_tokenizer`, and AutoTokenizer too, reads back the same one."""
    tokenizer.save_pretrained(str(folder))
    path = Path(folder) / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf-8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _source(name_or_folder: str | Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments that construct the tokenizer from ``tokenizer.json``, or else from a SentencePiece model."""
    with suppress(OSError):
        return {"tokenizer_file": str(_file(name_or_folder, "tokenizer.json"))}
    # SentencePiece alone does not lower-case or split at punctuation, as some slow tokenizers do before it.
    layouts = {} if settings.get("do_lower_case") or settings.get("split_by_punct") else LAYOUTS
    for name, layout in layouts.items():
        with suppress(OSError):
            content = _file(name_or_folder, name).read_bytes()
            return {"tokenizer_object": fast_tokenizer(read_model(content), layout), **layout.special}
    raise FileNotFoundError(f"no tokenizer.json, {', no '.join(LAYOUTS)}")


def _file(name_or_folder: str | Path, name: str) -> Path:
    """A file of a folder, or of the Hub's cache, or of the Hub."""
    if Path(name_or_folder).is_dir():
        path = Path(name_or_folder) / name
        if not path.is_file():
            raise FileNotFoundError(f"no {name}")
        return path
    from transformers.utils.hub import cached_file

    return Path(str(cached_file(str(name_or_folder), name)))


def _special_tokens(settings: dict[str, Any]) -> dict[str, str]:
    """Special tokens by name. Older configurations write them as objects."""
    found: Iterable[tuple[str, Any]] = ((name, settings.get(name)) for name in _SPECIAL)
    return {name: str(token["content"] if isinstance(token, dict) else token) for name, token in found if token}
