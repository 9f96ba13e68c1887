"""Model folders: retriever, index and reader as safetensors and JSON, every file with its checksum.

::

    config.json           all of it but the weights
    manifest.json         checksums
    README.md             the model card
    tokenizer.json        subwords of an encoder that reads apart   } apart
    words.safetensors     their embeddings, in 4 bits               }
    retriever/ tokenizer/ encoder and tokenizers in Hugging Face form   } joint
    reader.safetensors
    index/                see docs/reference/index-format.md
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from relik_ml.data import Format, atomic_folder, read_manifest, sha256, write_manifest
from relik_ml.errors import ModelError
from relik_ml.index import PassageIndex
from relik_ml.models import (
    ApartConfig,
    ApartEncoder,
    Encoder,
    HeadConfig,
    JointEncoder,
    ReaderModel,
    Thresholds,
    load_packed,
    on_device,
    save_packed,
)
from relik_ml.names import NameIndex
from relik_ml.reader import ApartInputs, BatchEncoder, Inputs, Inventory, JointInputs, Reader
from relik_ml.retriever import Retriever, RetrieverConfig, TextEncoder, load_tokenizer, save_tokenizer
from relik_ml.score import Calibration
from relik_ml.text import Morphology
from relik_ml.types import Entry

FORMAT = Format(
    "model", "relik-ml-model/3", "train it again with recipes/cie_ru.py, or copy the folder again",
    older=("relik-ml-model/2",),
)  # fmt: skip
_PRETRAINED = Path(__file__).with_name("pretrained")
EMBEDDED: Mapping[str, Path] = {"accurate": _PRETRAINED, "fast": _PRETRAINED / "fast"}
"""The models that come with the package, by name; the first is the default."""
CARD, CONFIG = "README.md", "config.json"
WEIGHTS, WORDS = "reader.safetensors", "words.safetensors"


@dataclass(frozen=True)
class Settings:
    """Configuration of a model: everything except its weights."""

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
        """The content of ``config.json``."""
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
        """Inverse of ``to_json``. Older models have no ``typed`` properties."""
        inventory = record["inventory"]
        typed = {(name, s, o): property for name, s, o, property in inventory.get("typed", [])}
        return msgspec.convert({**record, "inventory": {**inventory, "typed": typed}, "card": card}, cls)


class Encoders(NamedTuple):
    """The reader's encoder with its inputs, and the retriever's encoder unless it retrieves by name only."""

    reader: Encoder
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
    """Write a model folder atomically; an older one is replaced at the end.

    Raises:
        OutputError: it cannot be written, or the folder holds something that is no model.
    """
    model, encoder = bundle.reader.model, bundle.reader.model.encoder
    with atomic_folder(folder, FORMAT.wrote) as partial:
        _save_tokenizer(bundle.reader.encode.inputs, partial)
        if isinstance(bundle.retriever.encoder, TextEncoder):
            bundle.retriever.encoder.save_pretrained(partial / "retriever")
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        if encoder.frozen:
            prefix = f"encoder.{encoder.frozen}"
            words = {name.removeprefix(prefix): state.pop(name) for name in [*state] if name.startswith(prefix)}
            save_file(words, partial / WORDS)
        (save_packed if encoder.packed else save_file)(state, partial / WEIGHTS)
        (partial / CARD).write_text(bundle.settings.card, encoding="utf-8")
        shutil.copytree(bundle.retriever.index.folder, partial / "index")
        (partial / CONFIG).write_bytes(_config(replace(bundle.settings, shared="")))
        write_manifest(partial, FORMAT, {})


def _config(settings: Settings) -> bytes:
    """JSON in UTF-8; ``model_type`` and ``library_name`` are what the Hugging Face Hub looks for."""
    record = {"model_type": "relik-ml", "library_name": "relik-ml", **settings.to_json()}
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")


def load(folder: Path, index: Path | None, device: str) -> Bundle:
    """Read a model folder, each file checked before it is used.

    Raises:
        ModelError: no model, one of another format, a missing or damaged file, or an index of another retriever.
    """
    read_manifest(folder, FORMAT)
    record = json.loads((folder / CONFIG).read_bytes())
    if record.get("compact"):
        got, fix = "a recurrent encoder over word vectors", "train it again with recipes/cie_ru.py --preset small"
        raise ModelError("this kind of model is no longer supported", where=str(folder), got=got, fix=fix)
    try:
        settings = Settings.from_json(record, (folder / CARD).read_text(encoding="utf-8"))
    except (KeyError, msgspec.ValidationError) as error:
        where, got = str(folder / CONFIG), f"{type(error).__name__}: {error}"
        raise ModelError("cannot read the settings", where=where, got=got, fix=FORMAT.remedy) from error
    common = folder / settings.shared
    if settings.shared:
        read_manifest(common, FORMAT)
    encoders = _load_encoders(common, settings)
    retriever, reader = assemble(settings, encoders, PassageIndex.open(index or common / "index"), device)
    if index and settings.retriever.relations and not len(retriever.index.by_kind("relation")):
        fix = "build it with nerel_relations among its sources"
        raise ModelError("the index holds no relations to choose from", where=str(index), fix=fix)
    state = load_packed(folder / WEIGHTS)
    if frozen := encoders.reader.frozen:
        state |= {f"encoder.{frozen}{name}": tensor for name, tensor in load_file(common / WORDS).items()}
    missing, extra = reader.model.load_state_dict(state, strict=False)
    if missing or extra:
        got = f"missing {missing[:3]}, unknown {extra[:3]}"
        raise ModelError("weights do not fit the settings", where=str(folder), got=got, fix=FORMAT.remedy)
    return Bundle(retriever, reader, settings)


def apart_encoders(config: ApartConfig, tokenizer: Any, types: Sequence[Entry]) -> Encoders:
    """An ``ApartEncoder`` with random weights; its retriever finds candidates by name only."""
    return Encoders(ApartEncoder(config), ApartInputs(tokenizer, types, config.body.positions), None)


def _load_encoders(folder: Path, settings: Settings) -> Encoders:
    """The encoders of the settings, the reader's without its weights. Only here the two kinds differ."""
    if settings.apart is not None:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return apart_encoders(settings.apart, tokenizer, settings.inventory.types)
    encoder, retriever = JointEncoder.from_config(settings.joint), TextEncoder.from_pretrained(folder / "retriever")
    return Encoders(encoder, JointInputs(load_tokenizer(folder / "tokenizer"), encoder.config), retriever)


def _save_tokenizer(inputs: Inputs, folder: Path) -> None:
    """Write the tokenizer that `_load_encoders` reads.

    The parser of tokenizers is off by one unit in the last digit of some longer scores. Nine digits are enough for the
    float32 that scores are, and then reading and writing the file again changes nothing.
    """
    if isinstance(inputs, JointInputs):
        save_tokenizer(inputs.tokenizer, folder / "tokenizer")
        return
    record = json.loads(inputs.tokenizer.to_str())
    record["model"]["vocab"] = [[text, float(f"{score:.9g}")] for text, score in record["model"]["vocab"]]
    content = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
    (folder / "tokenizer.json").write_text(content, encoding="utf-8")


def nest(folder: Path, parent: Path, name: str) -> None:
    """Copy a model into the folder of another, ``parent/name``, without the index and subwords that both have.

    Raises:
        ModelError: one of them is no model, or what they are to share differs.
    """
    for each in (folder, parent):
        read_manifest(each, FORMAT)
    both = ["tokenizer.json", WORDS, *(f"index/{file.name}" for file in (parent / "index").iterdir())]
    if differing := [name for name in both if sha256(folder / name) != sha256(parent / name)]:
        where, fix = str(folder), "train both with the same data, entities, corpus and vocabulary"
        raise ModelError("the models have not the same index and subwords", where=where, got=differing[0], fix=fix)
    with atomic_folder(parent / name, FORMAT.wrote) as partial:
        for own in (WEIGHTS, CARD):
            shutil.copyfile(folder / own, partial / own)
        settings = Settings.from_json(json.loads((folder / CONFIG).read_bytes()), "")
        (partial / CONFIG).write_bytes(_config(replace(settings, shared="..")))
        write_manifest(partial, FORMAT, {})
