"""Model folders: retriever, index and reader as safetensors and JSON, every file with its checksum.

::

    config.json           all of it but the weights
    manifest.json         checksums
    README.md             the model card
    tokenizer.json        subwords of an encoder that reads apart   } apart
    words.safetensors     their embeddings, in 4 bits               }
    retriever/ tokenizer/ encoder and tokenizers in Hugging Face form   } joint
    reader.safetensors
    *.onnx                graphs for ONNX Runtime, which refer to the weights; optional
    index/                see docs/reference/index-format.md
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec
import numpy as np
from tokenizers import Tokenizer

from relik_ml.config import ApartConfig, HeadConfig, JointConfig, Thresholds
from relik_ml.data import FILE as MANIFEST
from relik_ml.data import Format, atomic_folder, data_folder, installed, read_manifest, sha256, write_manifest
from relik_ml.errors import ConfigError, ModelError, install
from relik_ml.index import PassageEncoder, PassageIndex
from relik_ml.names import NameIndex
from relik_ml.network import DESCRIBE, ENCODE, ENCODE_INT8, WEIGHTS, WORDS, Network, Spans
from relik_ml.reader import ApartInputs, BatchEncoder, Inputs, Inventory, JointInputs, Reader
from relik_ml.retriever import Retriever, RetrieverConfig
from relik_ml.score import Calibration
from relik_ml.text import Morphology, SavedTokenizer, windows
from relik_ml.types import Candidate, Document, Entry, Hit, Retrieved

if TYPE_CHECKING:
    from relik_ml.encoders import TextEncoder
    from relik_ml.models import TorchNetwork

FORMAT = Format(
    "model", "relik-ml-model/3", "train it again with recipes/cie_ru.py, or copy the folder again",
    older=("relik-ml-model/2",),
)  # fmt: skip
_PRETRAINED = Path(__file__).resolve().with_name("pretrained")
EMBEDDED: Mapping[str, Path] = {"accurate": _PRETRAINED, "fast": _PRETRAINED / "fast"}
"""The models that come with the package, by name; the first is the default."""
EMBEDDED_INDEX = "embedded"
"""What names the index of the embedded models."""
GRAPHS: Mapping[Backend, str] = {"onnx": ENCODE, "int8": ENCODE_INT8, "torch": WEIGHTS}
"""The file that each backend needs."""
CARD, CONFIG = "README.md", "config.json"
Backend = Literal["onnx", "int8", "torch"]
"""What computes the network: ONNX Runtime on the processor, the same with products of 8-bit integers, or torch."""


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


def retriever(settings: Settings, index: PassageIndex, encoder: PassageEncoder | None) -> Retriever:
    """A retriever over an index and the names in it; without an encoder it finds candidates by name only."""
    names = NameIndex(index.extra["names"], Morphology().lemma) if "names" in index.extra else None
    return Retriever(index, names, encoder, settings.retriever)


def reader(settings: Settings, network: Network, inputs: Inputs) -> Reader:
    """A reader with the labels, thresholds and calibration of the settings."""
    inventory, heads = settings.inventory, settings.heads
    encode = BatchEncoder(inputs, inventory.types, heads.max_mention, heads.hit_features, inventory.coarse)
    return Reader(network, encode, inventory, settings.thresholds, settings.calibration)


@runtime_checkable
class _Saved(Protocol):
    """A retriever's encoder that belongs to a model."""

    def save_pretrained(self, folder: Path) -> None: ...


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
    with atomic_folder(folder, FORMAT.wrote) as partial:
        _save_tokenizer(bundle.reader.encode.inputs, partial)
        if isinstance(bundle.retriever.encoder, _Saved):
            bundle.retriever.encoder.save_pretrained(partial / "retriever")
        bundle.reader.network.save(partial)
        (partial / CARD).write_text(bundle.settings.card, encoding="utf-8")
        shutil.copytree(bundle.retriever.index.folder, partial / "index")
        (partial / CONFIG).write_bytes(_config(replace(bundle.settings, shared="")))
        write_manifest(partial, FORMAT, {})


def _config(settings: Settings) -> bytes:
    """JSON in UTF-8; ``model_type`` and ``library_name`` are what the Hugging Face Hub looks for."""
    record = {"model_type": "relik-ml", "library_name": "relik-ml", **settings.to_json()}
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")


def own_index() -> Path:
    """The folder of the user's copy of the embedded index, whether there is one or not. Each version has its own."""
    return data_folder(os.environ) / f"index-{sha256(_PRETRAINED / 'index' / MANIFEST)[:12]}"


def index_folder(index: str | Path | None, model: Path = _PRETRAINED) -> Path:
    """The folder of an index; None is that of the model. ``embedded`` is the user's copy of the embedded one, if any.

    Raises:
        ModelError: there is only a copy of the embedded index of another version.
    """
    if index is not None and (str(index) != EMBEDDED_INDEX or Path(index).exists()):
        return Path(index)
    if index is None and model.resolve() != _PRETRAINED:
        return model / "index"
    own = own_index()
    if not own.exists() and (others := sorted(own.parent.glob("index-*"))):
        fix = "run `relik-ml index reset`, and then `relik-ml index add` with your entries"
        raise ModelError("your entries were added to the index of another version", where=str(others[0]), fix=fix)
    return own if own.exists() else _PRETRAINED / "index"


def load(folder: Path, index: Path | None, device: str, backend: Backend | None) -> Bundle:
    """Read a model folder, each file checked before it is used.

    Without ``backend`` it is ONNX Runtime on the processor if the folder has graphs for it, and otherwise torch.

    Raises:
        ModelError: no model, one of another format, a missing or damaged file, or an index of another retriever.
        ConfigError: the backend is not installed, or cannot use the device.
    """
    settings = _settings(folder)
    common = folder / settings.shared
    if settings.shared:
        read_manifest(common, FORMAT)
    opened = PassageIndex.open(index_folder(index, common))
    if index and settings.retriever.relations and not len(opened.by_kind("relation")):
        fix = "build it with nerel_relations among its sources"
        raise ModelError("the index holds no relations to choose from", where=str(index), fix=fix)
    network, encoder = _network(folder, settings, device, backend or _default_backend(folder, device))
    made = reader(settings, network, _inputs(common, settings))
    return Bundle(retriever(settings, opened, encoder), made, settings)


def _settings(folder: Path) -> Settings:
    read_manifest(folder, FORMAT)
    record = json.loads((folder / CONFIG).read_bytes())
    if record.get("compact"):
        got, fix = "a recurrent encoder over word vectors", "train it again with recipes/cie_ru.py --preset small"
        raise ModelError("this kind of model is no longer supported", where=str(folder), got=got, fix=fix)
    try:
        return Settings.from_json(record, (folder / CARD).read_text(encoding="utf-8"))
    except (KeyError, msgspec.ValidationError) as error:
        where, got = str(folder / CONFIG), f"{type(error).__name__}: {error}"
        raise ModelError("cannot read the settings", where=where, got=got, fix=FORMAT.remedy) from error


def _default_backend(folder: Path, device: str) -> Backend:
    torch = device != "cpu" or (installed("torch") and not (folder / ENCODE).exists())
    return "torch" if torch else "onnx"


def _inputs(folder: Path, settings: Settings) -> Inputs:
    """The inputs of the settings' encoder, from the tokenizer that `_save_tokenizer` wrote."""
    if settings.apart is not None:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return ApartInputs(tokenizer, settings.inventory.types, settings.apart.body.positions)
    return JointInputs(SavedTokenizer(folder / "tokenizer"), msgspec.convert(settings.joint, JointConfig))


def describe(folder: Path) -> dict[str, str]:
    """What a model folder contains, by name.

    Raises:
        ModelError: it is no model, or a file of it is missing or damaged.
    """
    settings = _settings(folder)
    index = PassageIndex.open(index_folder(None, folder / settings.shared))
    kind = f"{settings.apart.body.layers} layers, passages apart" if settings.apart else "joint encoder"
    files = [file for file in folder.iterdir() if file.is_file()]
    return {
        "folder": str(folder),
        "languages": ", ".join(settings.languages),
        "encoder": f"{kind}, width {settings.heads.width}",
        "types": str(len(settings.inventory.types)),
        "index": f"{len(index.by_kind('entity'))} entities, {len(index.by_kind('relation'))} relations",
        "windows": f"{settings.window} tokens, stride {settings.stride}",
        "thresholds": ", ".join(f"{name} {value}" for name, value in asdict(settings.thresholds).items()),
        "backends": ", ".join(backend for backend, file in GRAPHS.items() if (folder / file).exists()),
        "size": f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB, index and shared files not counted",
    }


def _network(folder: Path, settings: Settings, device: str, backend: Backend) -> tuple[Network, PassageEncoder | None]:
    """The reader's network with its weights, and the retriever's encoder unless it retrieves by name only."""
    common = folder / settings.shared
    if backend == "torch":
        return _torch_network(folder, common, settings, device)
    if device != "cpu":
        raise ConfigError("ONNX Runtime reads on the processor", got=f"device {device}", fix="give --backend torch")
    from relik_ml.runtime import OnnxNetwork, OnnxTextEncoder

    text = None if settings.apart else OnnxTextEncoder(common / "retriever")
    return OnnxNetwork.open(folder, common, "int8" if backend == "int8" else "float32"), text


def _torch_network(
    folder: Path, common: Path, settings: Settings, device: str
) -> tuple[TorchNetwork, TextEncoder | None]:
    try:
        from relik_ml.encoders import TextEncoder
        from relik_ml.models import ApartEncoder, JointEncoder, ReaderModel, TorchNetwork, on_device
    except ImportError as error:
        fix = f"{install('train')}; or where torch is installed: relik-ml bundle onnx MODEL"
        raise ConfigError("torch is not installed", where=str(folder), got=str(error), fix=fix) from error
    text = None if settings.apart else TextEncoder.from_pretrained(common / "retriever", device=device)
    encoder = ApartEncoder(settings.apart) if settings.apart else JointEncoder.from_config(settings.joint)
    network = TorchNetwork(on_device(ReaderModel(encoder, len(settings.inventory.types), settings.heads), device))
    network.load(folder, common)
    return network, text


def write_onnx(folder: Path) -> None:
    """Add graphs for ONNX Runtime to a model folder; it changes in one step.

    Raises:
        ModelError: the folder is no model.
        ConfigError: torch or onnx is not installed.
        OutputError: the folder cannot be written.
    """
    settings = _settings(folder)
    network, text = _torch_network(folder, folder / settings.shared, settings, "cpu")
    from relik_ml.models import write_graphs, write_text_graph

    made = reader(settings, network, _inputs(folder / settings.shared, settings))
    document = Document("example", "один два три", settings.languages[0])
    item = Retrieved(
        windows(document, settings.window, settings.stride)[0],
        (Candidate(Entry("Q1", "entity", "один"), 0.0),),
        (Candidate(Entry("R1", "relation", "часть"), 0.0),),
        (Hit(0, 4, 0, (0.0,) * settings.heads.hit_features),),
    )
    spans = Spans(np.array([[[0, 0], [1, 2]]]), np.ones((1, 2), bool))
    with atomic_folder(folder, FORMAT.wrote) as partial:
        shutil.copytree(folder, partial, dirs_exist_ok=True)
        write_graphs(network.model, made.encode([item]), spans, partial)
        if text is not None:
            write_text_graph(text.model, partial / "retriever")
            path = partial / "retriever" / "text_encoder.json"
            path.write_text(json.dumps({**json.loads(path.read_bytes()), "fingerprint": text.fingerprint}), "utf-8")
        write_manifest(partial, FORMAT, {})


def _save_tokenizer(inputs: Inputs, folder: Path) -> None:
    """Write the tokenizer that `_inputs` reads.

    The parser of tokenizers is off by one unit in the last digit of some longer scores. Nine digits are enough for the
    float32 that scores are, and then reading and writing the file again changes nothing.
    """
    if isinstance(inputs.tokenizer, SavedTokenizer):
        return inputs.tokenizer.save_pretrained(folder / "tokenizer")
    if isinstance(inputs, JointInputs):
        from relik_ml.encoders import save_tokenizer

        return save_tokenizer(inputs.tokenizer, folder / "tokenizer")
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
        for own in (WEIGHTS, CARD, ENCODE, ENCODE_INT8, DESCRIBE):
            if (folder / own).exists():
                shutil.copyfile(folder / own, partial / own)
        settings = Settings.from_json(json.loads((folder / CONFIG).read_bytes()), "")
        (partial / CONFIG).write_bytes(_config(replace(settings, shared="..")))
        write_manifest(partial, FORMAT, {})
