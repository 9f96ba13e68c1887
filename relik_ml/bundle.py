"""A model folder: retriever, index and reader in one place, safetensors and JSON only, every file with its checksum.

::

    config.json           all of it but the weights
    manifest.json         checksums
    README.md             the model card
    words.json            vocabulary of the compact encoder   } compact
    words.safetensors     its word vectors                    }
    retriever.safetensors                                     }
    reader.safetensors
    index/                see docs/index-format.md
    retriever/ tokenizer/ encoder and tokenizers in Hugging Face form, joint only
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from relik_ml.errors import ConfigError, ModelError, OutputError
from relik_ml.files import atomic_folder
from relik_ml.manifest import FILE, Format, read_manifest, write_manifest
from relik_ml.models.compact import BagEncoder, CompactConfig, CompactEncoder
from relik_ml.models.config import HeadConfig, Thresholds
from relik_ml.models.device import on_device
from relik_ml.models.encoder import JointEncoder
from relik_ml.models.reader import ReaderModel
from relik_ml.models.weights import load_packed, save_packed
from relik_ml.names.index import NameIndex
from relik_ml.reader.compact import CompactInputs
from relik_ml.reader.decode import Inventory
from relik_ml.reader.encode import BatchEncoder, Inputs
from relik_ml.reader.joint import JointInputs
from relik_ml.reader.reader import Reader
from relik_ml.retriever.compact import CompactTextEncoder
from relik_ml.retriever.encode import TextEncoder
from relik_ml.retriever.index import PassageIndex
from relik_ml.retriever.retriever import Retriever, RetrieverConfig
from relik_ml.retriever.tokenizer import load_tokenizer, save_tokenizer
from relik_ml.text.lexicon import Lexicon
from relik_ml.text.morph import Morphology
from relik_ml.types import Entry, Property

FORMAT = Format(
    "model", "relik-ml-model/2", "train it again with recipes/cie_ru.py, or copy the folder again",
    older=("relik-ml-model/1",),
)  # fmt: skip
EMBEDDED = Path(__file__).with_name("pretrained")
CARD = "README.md"
CONFIG = "config.json"
VECTORS = "encoder.vectors.weight"
"""Saved once, for reader and retriever."""


@dataclass(frozen=True)
class Settings:
    """All of a model but its weights."""

    languages: tuple[str, ...]
    heads: HeadConfig
    inventory: Inventory
    compact: CompactConfig | None = None
    joint: Mapping[str, Any] = field(default_factory=dict)
    """Configuration of a pretrained encoder; empty for a compact model."""
    retriever: RetrieverConfig = field(default_factory=RetrieverConfig)
    thresholds: Thresholds = field(default_factory=Thresholds)
    window: int = 256
    """Tokens in a window: most news stories are one."""
    stride: int = 192
    card: str = ""
    """The model card, Markdown."""

    def to_json(self) -> dict[str, Any]:
        """What ``config.json`` keeps."""
        inventory = {
            "types": [asdict(entry) for entry in self.inventory.types],
            "linkable": sorted(self.inventory.linkable),
            "literals": sorted(self.inventory.literals),
            "properties": {name: asdict(property) for name, property in self.inventory.properties.items()},
            "typed": [[*key, asdict(property)] for key, property in self.inventory.typed.items()],
        }
        record = {name: value for name, value in asdict(self).items() if name != "card"}
        return {**record, "inventory": inventory}

    @classmethod
    def from_json(cls, record: Mapping[str, Any], card: str) -> Settings:
        """The other way round."""
        inventory = record["inventory"]
        return cls(
            tuple(record["languages"]),
            HeadConfig(**record["heads"]),
            Inventory(
                tuple(_entry(row) for row in inventory["types"]),
                frozenset(inventory["linkable"]),
                frozenset(inventory["literals"]),
                {name: Property(**property) for name, property in inventory["properties"].items()},
                # Models written before types told properties apart have none.
                {(name, s, o): Property(**property) for name, s, o, property in inventory.get("typed", [])},
            ),
            CompactConfig(**record["compact"]) if record["compact"] else None,
            record["joint"],
            RetrieverConfig(**record["retriever"]),
            Thresholds(**record["thresholds"]),
            record["window"],
            record["stride"],
            card,
        )


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(**{**row, "aliases": tuple(row["aliases"]), "types": tuple(row["types"])})


class Encoders(NamedTuple):
    """What differs between a compact and a joint model."""

    reader: nn.Module
    inputs: Inputs
    retriever: CompactTextEncoder | TextEncoder


def assemble(
    settings: Settings, encoders: Encoders, index: PassageIndex, device: str = "cpu"
) -> tuple[Retriever, Reader]:
    """A retriever over the index, and a reader whose heads are new."""
    lemma = Morphology().lemma
    names = NameIndex(index.extra["names"], lemma) if "names" in index.extra else None
    types = settings.inventory.types
    on_device(encoders.retriever.model, device)
    model = ReaderModel(encoders.reader, len(types), settings.heads)
    encode = BatchEncoder(encoders.inputs, types, settings.heads.max_mention, settings.heads.hit_features)
    reader = Reader(on_device(model, device), encode, settings.inventory, settings.thresholds)
    return Retriever(index, names, encoders.retriever, settings.retriever), reader


class Bundle(NamedTuple):
    """What a model folder holds."""

    retriever: Retriever
    reader: Reader
    settings: Settings


def save(bundle: Bundle, folder: Path) -> None:
    """Write a model folder; it appears whole or not at all, an older one stays until then.

    Raises:
        OutputError: it cannot be written, or the folder holds something that is no model.
        ConfigError: the model stands on an index without vectors, so it has no retriever that could be saved.
    """
    settings, model = bundle.settings, bundle.reader.model
    refuse_foreign(folder)
    if bundle.retriever.encoder is None:
        fix = "save the model with its own index; an index of names goes with it as --index"
        raise ConfigError("a model on an index without vectors cannot be saved", where=str(folder), fix=fix)
    with atomic_folder(folder, is_model) as partial:
        if settings.compact:
            _save_compact(bundle, partial)
        else:
            _save_joint(bundle, partial)
        state = {name: tensor for name, tensor in model.state_dict().items() if name != VECTORS}
        (save_packed if settings.compact else save_file)(_contiguous(state), partial / "reader.safetensors")
        (partial / CARD).write_text(settings.card, encoding="utf-8")
        shutil.copytree(bundle.retriever.index.folder, partial / "index")
        (partial / CONFIG).write_bytes(_config(settings))
        write_manifest(partial, FORMAT, {})


def _config(settings: Settings) -> bytes:
    """JSON in UTF-8; ``model_type`` and ``library_name`` are what the Hugging Face Hub looks for."""
    record = {"model_type": "relik-ml", "library_name": "relik-ml", **settings.to_json()}
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")


def refuse_foreign(folder: Path) -> None:
    """Refuse to put a model where something else is: an index or somebody's checkpoint is not to be lost.

    Raises:
        OutputError: the folder holds something, and it is no model.
    """
    if not folder.exists() or is_model(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return
    fix = "name a new or empty folder, or empty this one yourself"
    raise OutputError("the folder holds something other than a model", where=str(folder), fix=fix)


def load(folder: Path, index: Path | None, device: str) -> Bundle:
    """Read a model folder, each file checked before it is used.

    Raises:
        ModelError: no model, one of another format, a missing or damaged file, or an index of another retriever.
    """
    record = read_manifest(folder, FORMAT)
    if record["format"] == FORMAT.name:  # the manifest of an older model holds its settings
        record = json.loads((folder / CONFIG).read_bytes())
    settings = Settings.from_json(record, (folder / CARD).read_text(encoding="utf-8"))
    encoders = (_load_compact if settings.compact else _load_joint)(folder, settings)
    retriever, reader = assemble(settings, encoders, PassageIndex.open(index or folder / "index"), device)
    if index and settings.retriever.relations and not len(retriever.index.by_kind("relation")):
        fix = "build it with nerel_relations among its sources"
        raise ModelError("the index holds no relations to choose from", where=str(index), fix=fix)
    state = (load_packed if settings.compact else load_file)(folder / "reader.safetensors")
    missing, extra = reader.model.load_state_dict(state, strict=False)
    if extra or [name for name in missing if name != VECTORS]:
        got = f"missing {missing[:3]}, unknown {extra[:3]}"
        raise ModelError("weights do not fit the settings", where=str(folder), got=got, fix=FORMAT.remedy)
    return Bundle(retriever, reader, settings)


def is_model(folder: Path) -> bool:
    """Whether a folder says that it is a model; it is not checked."""
    manifest = folder / FILE
    text = manifest.read_text(encoding="utf-8", errors="replace") if manifest.is_file() else ""
    return any(f'"{name}"' in text for name in FORMAT.names)


def compact_encoders(config: CompactConfig, lexicon: Lexicon, vectors: Tensor, types: Sequence[Entry]) -> Encoders:
    """The compact encoders, untrained, over one table of word vectors (V, D)."""
    encoder = CompactEncoder(config)
    with torch.no_grad():
        encoder.vectors.weight.copy_(vectors)
    retriever = CompactTextEncoder(BagEncoder(encoder.vectors, config.passage_width), lexicon)
    return Encoders(encoder, CompactInputs(lexicon, types), retriever)


def _save_compact(bundle: Bundle, folder: Path) -> None:
    cast(CompactTextEncoder, bundle.retriever.encoder).save_pretrained(folder)


def _load_compact(folder: Path, settings: Settings) -> Encoders:
    lexicon = Lexicon.from_json(json.loads((folder / "words.json").read_text(encoding="utf-8")))
    vectors = load_packed(folder / "words.safetensors")["vectors"]
    encoders = compact_encoders(cast(CompactConfig, settings.compact), lexicon, vectors, settings.inventory.types)
    retriever = cast(CompactTextEncoder, encoders.retriever)
    retriever.model.load_state_dict(load_file(folder / "retriever.safetensors"), strict=False)
    return encoders


def _save_joint(bundle: Bundle, folder: Path) -> None:
    cast(TextEncoder, bundle.retriever.encoder).save_pretrained(folder / "retriever")
    save_tokenizer(cast(JointInputs, bundle.reader.encode.inputs).tokenizer, folder / "tokenizer")


def _load_joint(folder: Path, settings: Settings) -> Encoders:
    encoder = JointEncoder.from_config(settings.joint)
    inputs = JointInputs(load_tokenizer(folder / "tokenizer"), encoder.config)
    return Encoders(encoder, inputs, TextEncoder.from_pretrained(folder / "retriever"))


def _contiguous(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
