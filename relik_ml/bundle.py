"""A model folder: retriever, index and reader in one place, safetensors and JSON only, every file with its checksum.

::

    config.json           all of it but the weights
    manifest.json         checksums
    README.md             the model card
    tokenizer.json        subwords of an encoder that reads apart   } apart
    words.safetensors     their embeddings, in 4 bits               }
    retriever/ tokenizer/ encoder and tokenizers in Hugging Face form   } joint
    reader.safetensors
    index/                see docs/index-format.md
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from relik_ml.data import FILE, Format, atomic_folder, read_manifest, sha256, write_manifest
from relik_ml.errors import ConfigError, ModelError, OutputError
from relik_ml.index import PassageIndex
from relik_ml.models import (
    ApartConfig,
    ApartEncoder,
    HeadConfig,
    JointEncoder,
    ReaderModel,
    Thresholds,
    TransformerConfig,
    load_packed,
    on_device,
    save_packed,
)
from relik_ml.names import NameIndex
from relik_ml.reader import ApartInputs, BatchEncoder, Inputs, Inventory, JointInputs, Reader
from relik_ml.retriever import Retriever, RetrieverConfig, TextEncoder, load_tokenizer, save_tokenizer
from relik_ml.score import Calibration, Scaling
from relik_ml.text import Morphology
from relik_ml.types import Entry, Property

FORMAT = Format(
    "model", "relik-ml-model/3", "train it again with recipes/cie_ru.py, or copy the folder again",
    older=("relik-ml-model/2",),
)  # fmt: skip
_PRETRAINED = Path(__file__).with_name("pretrained")
EMBEDDED: Mapping[str, Path] = {"accurate": _PRETRAINED, "fast": _PRETRAINED / "fast"}
"""The models that come with the package, by name; the first is the default."""
CARD = "README.md"
CONFIG = "config.json"
WORDS = "encoder.body.words."
"""Weights that are saved in a file of their own."""


@dataclass(frozen=True)
class Settings:
    """All of a model but its weights."""

    languages: tuple[str, ...]
    heads: HeadConfig
    inventory: Inventory
    joint: Mapping[str, Any] = field(default_factory=dict)
    """Configuration of an encoder that reads a window and its passages jointly; empty for any other model."""
    retriever: RetrieverConfig = field(default_factory=RetrieverConfig)
    thresholds: Thresholds = field(default_factory=Thresholds)
    calibration: Calibration = field(default_factory=Calibration)
    window: int = 256
    """Tokens in a window: most news stories are one."""
    stride: int = 192
    card: str = ""
    """The model card, Markdown."""
    apart: ApartConfig | None = None
    """Sizes of an encoder that reads windows and passages apart."""
    shared: str = ""
    """Folder, relative to the model's own, of another model whose index and subwords are this one's too."""

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
            record["joint"],
            RetrieverConfig(**record["retriever"]),
            Thresholds(**record["thresholds"]),
            _calibration(record.get("calibration", {}).get("scalings", {})),
            record["window"],
            record["stride"],
            card,
            _apart(record.get("apart")),
            record.get("shared", ""),
        )


def _calibration(scalings: Mapping[str, Mapping[str, float]]) -> Calibration:
    return Calibration({kind: Scaling(**scaling) for kind, scaling in scalings.items()})


def _apart(record: Mapping[str, Any] | None) -> ApartConfig | None:
    return ApartConfig(**{**record, "body": TransformerConfig(**record["body"])}) if record else None


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(**{**row, "aliases": tuple(row["aliases"]), "types": tuple(row["types"])})


class Encoders(NamedTuple):
    """What differs between the two ways of reading. A model whose index holds names alone has no retriever."""

    reader: nn.Module
    inputs: Inputs
    retriever: TextEncoder | None


def assemble(
    settings: Settings, encoders: Encoders, index: PassageIndex, device: str = "cpu"
) -> tuple[Retriever, Reader]:
    """A retriever over the index, and a reader whose heads are new."""
    lemma = Morphology().lemma
    names = NameIndex(index.extra["names"], lemma) if "names" in index.extra else None
    types = settings.inventory.types
    if encoders.retriever is not None:
        on_device(encoders.retriever.model, device)
    model = ReaderModel(encoders.reader, len(types), settings.heads)
    encode = BatchEncoder(encoders.inputs, types, settings.heads.max_mention, settings.heads.hit_features)
    reader = Reader(on_device(model, device), encode, settings.inventory, settings.thresholds, settings.calibration)
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
    settings, model = replace(bundle.settings, shared=""), bundle.reader.model
    refuse_foreign(folder)
    if bundle.retriever.encoder is None and settings.apart is None:
        fix = "save the model with its own index; an index of names goes with it as --index"
        raise ConfigError("a model on an index without vectors cannot be saved", where=str(folder), fix=fix)
    with atomic_folder(folder, is_model) as partial:
        (_save_apart if settings.apart else _save_joint)(bundle, partial)
        state = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(WORDS)}
        (save_packed if settings.apart else save_file)(_contiguous(state), partial / "reader.safetensors")
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
    read_manifest(folder, FORMAT)
    record = json.loads((folder / CONFIG).read_bytes())
    if record.get("compact"):
        got, fix = "a recurrent encoder over word vectors", "train it again with recipes/cie_ru.py --preset small"
        raise ModelError("a kind of model that is no longer read", where=str(folder), got=got, fix=fix)
    settings = Settings.from_json(record, (folder / CARD).read_text(encoding="utf-8"))
    common = folder / settings.shared
    if settings.shared:
        read_manifest(common, FORMAT)
    encoders = (_load_apart if settings.apart else _load_joint)(common, settings)
    retriever, reader = assemble(settings, encoders, PassageIndex.open(index or common / "index"), device)
    if index and settings.retriever.relations and not len(retriever.index.by_kind("relation")):
        fix = "build it with nerel_relations among its sources"
        raise ModelError("the index holds no relations to choose from", where=str(index), fix=fix)
    state = (load_packed if settings.apart else load_file)(folder / "reader.safetensors")
    missing, extra = reader.model.load_state_dict(state, strict=False)
    if extra or [name for name in missing if not name.startswith(WORDS)]:
        got = f"missing {missing[:3]}, unknown {extra[:3]}"
        raise ModelError("weights do not fit the settings", where=str(folder), got=got, fix=FORMAT.remedy)
    return Bundle(retriever, reader, settings)


def nest(folder: Path, parent: Path, name: str) -> None:
    """Copy a model into the folder of another, ``parent/name``, without the index and subwords that both have.

    Raises:
        ModelError: one of them is no model, or what they are to share differs.
    """
    for each in (folder, parent):
        read_manifest(each, FORMAT)
    both = ["tokenizer.json", "words.safetensors", *(f"index/{file.name}" for file in (parent / "index").iterdir())]
    if differing := [name for name in both if sha256(folder / name) != sha256(parent / name)]:
        where, fix = str(folder), "train both with the same data, entities, corpus and vocabulary"
        raise ModelError("the models have not the same index and subwords", where=where, got=differing[0], fix=fix)
    with atomic_folder(parent / name, is_model) as partial:
        for own in ("reader.safetensors", CARD):
            shutil.copyfile(folder / own, partial / own)
        record = json.loads((folder / CONFIG).read_bytes()) | {"shared": ".."}
        (partial / CONFIG).write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", "utf-8")
        write_manifest(partial, FORMAT, {})


def is_model(folder: Path) -> bool:
    """Whether a folder says that it is a model; it is not checked."""
    manifest = folder / FILE
    text = manifest.read_text(encoding="utf-8", errors="replace") if manifest.is_file() else ""
    return any(f'"{name}"' in text for name in FORMAT.names)


def apart_encoders(config: ApartConfig, tokenizer: Any, types: Sequence[Entry]) -> Encoders:
    """The encoder that reads apart, its weights random; its retriever finds by name alone."""
    inputs = ApartInputs(tokenizer, types, config.body.positions)
    return Encoders(ApartEncoder(config), inputs, None)


def _save_apart(bundle: Bundle, folder: Path) -> None:
    state = bundle.reader.model.state_dict()
    words = {name.removeprefix(WORDS): tensor for name, tensor in state.items() if name.startswith(WORDS)}
    save_file(_contiguous(words), folder / "words.safetensors")
    text = _stable(cast(ApartInputs, bundle.reader.encode.inputs).tokenizer.to_str())
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")


def _stable(text: str) -> str:
    """A ``tokenizer.json`` whose scores have nine digits, so that reading and writing it again changes nothing.

    The parser of tokenizers is off by one unit in the last place for some longer numbers. Nine digits are enough for
    the float32 that scores are.
    """
    record = json.loads(text)
    record["model"]["vocab"] = [[piece, float(f"{score:.9g}")] for piece, score in record["model"]["vocab"]]
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def _load_apart(folder: Path, settings: Settings) -> Encoders:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encoders = apart_encoders(cast(ApartConfig, settings.apart), tokenizer, settings.inventory.types)
    words = {f"body.words.{name}": tensor for name, tensor in load_file(folder / "words.safetensors").items()}
    encoders.reader.load_state_dict(words, strict=False)
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
