"""ONNX Runtime and torch find the same, and ONNX Runtime does without torch."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from relik_ml import Relik
from relik_ml.bundle import EMBEDDED, Backend, nest, write_onnx
from relik_ml.cli import main
from relik_ml.data import FILE, write_documents
from relik_ml.encoders import TextEncoder
from relik_ml.errors import ConfigError, ModelError
from relik_ml.models import write_text_graph
from relik_ml.network import ReaderBatch
from relik_ml.runtime import OnnxTextEncoder
from relik_ml.score import score
from relik_ml.text import windows
from relik_ml.types import Document, Retrieved
from tests.corpus import bare, documents

pytest.importorskip("onnx", reason="writing graphs needs the extra relik-ml[train]")

JOINT = Path(__file__).parents[1] / "golden" / "joint"
GRAPHS = {"encode.onnx", "encode.int8.onnx", "describe.onnx"}


@pytest.fixture(scope="session")
def apart(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with its graphs."""
    folder = shutil.copytree(tiny_folder, tmp_path_factory.mktemp("onnx") / "apart")
    write_onnx(folder)
    return folder


@pytest.fixture(scope="session")
def joint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model over an mDeBERTa with its graphs."""
    pytest.importorskip("transformers", reason="joint encoders need the extra relik-ml[train]")
    folder = shutil.copytree(JOINT, tmp_path_factory.mktemp("onnx") / "joint")
    write_onnx(folder)
    return folder


def plain(found: Sequence[Document]) -> tuple[Any, list[float]]:
    """Documents without their numbers, and the numbers."""
    numbers: list[float] = []
    text = json.dumps([asdict(document) for document in found])
    return json.loads(text, parse_float=lambda number: numbers.append(float(number))), numbers


def assert_same(one: Sequence[Document], other: Sequence[Document]) -> None:
    (text, numbers), (expected, wanted) = plain(one), plain(other)
    assert text == expected
    assert len(numbers) > len(one)
    assert numbers == pytest.approx(wanted, abs=2e-4)  # scores have four decimals, so 1e-4 may become two units


def reads(folder: Path, backend: Backend, texts: Sequence[Document]) -> list[Document]:
    return [*Relik.from_pretrained(folder, backend=backend).annotate(texts)]


@pytest.mark.parametrize("kind", ["apart", "joint"])
def test_both_backends_find_the_same(kind: str, request: pytest.FixtureRequest) -> None:
    folder, texts = request.getfixturevalue(kind), [*map(bare, documents()), Document("blank", " ")]
    assert_same(reads(folder, "onnx", texts), reads(folder, "torch", texts))
    relik, other = (Relik.from_pretrained(folder, backend=backend) for backend in ("onnx", "torch"))
    assert_same([*relik.describe(documents())], [*other.describe(documents())])
    unmarked = [*map(bare, documents()[:3])]
    assert [*relik.describe(unmarked)] == [*other.describe(unmarked)], "a batch without mentions"


def test_products_of_integers_find_nearly_the_same(apart: Path) -> None:
    texts = [*map(bare, documents())]
    scores = score(reads(apart, "torch", texts), reads(apart, "int8", texts)).scores
    assert scores["ner"].f1 > 0.98
    assert scores["re.document.boundaries"].f1 > 0.95


def encoded(relik: Relik, items: Sequence[Retrieved]) -> tuple[Any, ReaderBatch[Any]]:
    batch = relik.reader.encode(relik.reader.encode.fit(items))
    return relik.reader.network.encode(batch), batch


def items_of(relik: Relik, texts: Sequence[str]) -> list[Retrieved]:
    return relik.retriever([windows(Document(f"d{number}", text), 48, 32)[0] for number, text in enumerate(texts)])


def test_rounding_does_not_depend_on_the_batch(apart: Path) -> None:
    relik = Relik.from_pretrained(apart, backend="int8")
    items = items_of(relik, [document.text for document in documents()[:6]])
    whole, batch = encoded(relik, items)
    for row, item in enumerate(items):
        alone, _ = encoded(relik, [item])
        tokens = int(batch.token_mask[row].sum())
        np.testing.assert_allclose(whole.start[row, :tokens], alone.start[0], atol=1e-4)


@pytest.mark.parametrize("backend", ["onnx", "int8"])
def test_a_graph_reads_batches_of_every_size(apart: Path, backend: Backend) -> None:
    """Also without candidates, and of a single word."""
    relik, torch = (Relik.from_pretrained(apart, backend=each) for each in (backend, "torch"))
    many = items_of(relik, [document.text for document in documents()])
    bare_ones = [replace(item, entities=(), hits=()) for item in many[:3]]
    for items in (many, bare_ones, items_of(relik, ["Минск"]), items_of(relik, ["Так"])):
        (found, _), (expected, _) = encoded(relik, items), encoded(torch, items)
        assert found.end.shape == expected.end.shape
        close = 1e-3 if backend == "onnx" else 2.0
        np.testing.assert_allclose(found.start, expected.start, atol=close)


@pytest.mark.parametrize("model", EMBEDDED)
def test_the_embedded_models_on_both_backends(model: str, root: Path) -> None:
    if not (EMBEDDED[model] / "encode.onnx").is_file():
        pytest.skip("relik_ml/pretrained holds no such model")
    texts = [Document(path.stem, path.read_text("utf-8")) for path in sorted((root / "examples" / "ru").glob("*.txt"))]
    exact = reads(EMBEDDED[model], "torch", texts)
    assert_same(reads(EMBEDDED[model], "onnx", texts), exact)
    assert score(exact, reads(EMBEDDED[model], "int8", texts)).scores["ner"].f1 > 0.95


@pytest.mark.parametrize("name", ["mdeberta", "xlmr", "e5-small", "modernbert", "mmbert"])
def test_text_encoders_of_all_architectures(checkpoints: Path, tmp_path: Path, name: str) -> None:
    encoder = TextEncoder.from_pretrained(checkpoints / name, max_length=24)
    encoder.save_pretrained(tmp_path)
    write_text_graph(encoder.model, tmp_path)
    found = OnnxTextEncoder(tmp_path)
    texts = ["Минск", "", "Анна Ахматова родилась в Одессе </s> [SEP] <pad> [MASK]", "дом " * 60, "\ud800 и ещё"]
    assert found.dimension == encoder.dimension
    np.testing.assert_allclose(found.queries(texts), encoder.queries(texts), atol=1e-5)
    np.testing.assert_allclose(found.passages(texts), encoder.passages(texts), atol=1e-5)


# Without torch

HIDE = """
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "onnx"):
            raise ModuleNotFoundError(f"no {name} here", name=name)

sys.meta_path.insert(0, Hide())
from relik_ml.cli import main
main()
"""


def without_torch(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HIDE, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["apart", "joint"])
def test_annotating_needs_no_torch(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    write_documents(map(bare, documents()), tmp_path / "in.jsonl")
    folder = request.getfixturevalue(kind)
    done = without_torch("annotate", "--model", folder, tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr
    assert "20 documents" in done.stderr


def test_without_torch_a_model_needs_graphs(tiny_folder: Path) -> None:
    for flags in ([], ["--backend", "torch"]):
        done = without_torch(
            "annotate", "--model", tiny_folder, *flags, Path(__file__).parents[1] / "golden" / "joint.jsonl"
        )
        assert done.returncode in (ModelError.exit_code, ConfigError.exit_code)
        assert "relik-ml bundle onnx" in done.stderr


# Folders


def test_what_was_loaded_without_torch_is_saved_whole(apart: Path, tmp_path: Path) -> None:
    Relik.from_pretrained(apart, backend="onnx").save_pretrained(tmp_path / "again")
    for path in (path for path in apart.rglob("*") if path.is_file()):
        assert (tmp_path / "again" / path.relative_to(apart)).read_bytes() == path.read_bytes()


def test_a_nested_model_keeps_its_graphs(apart: Path, tmp_path: Path) -> None:
    parent = shutil.copytree(apart, tmp_path / "parent")
    nest(apart, parent, "fast")
    texts = [*map(bare, documents())]
    assert_same(reads(parent / "fast", "onnx", texts), reads(apart, "onnx", texts))


def test_graphs_of_other_weights_do_not_stay(apart: Path, tmp_path: Path) -> None:
    """A graph refers to its weights by position, so new weights need new graphs."""
    Relik.from_pretrained(apart, backend="torch").save_pretrained(tmp_path / "again")
    assert not GRAPHS & {path.name for path in (tmp_path / "again").iterdir()}


@pytest.mark.parametrize(("backend", "device", "error", "fix"), [
    ("onnx", "cpu", ModelError, "relik-ml bundle onnx"),
    ("int8", "cpu", ModelError, "relik-ml bundle onnx"),
    ("onnx", "cuda", ConfigError, "--backend torch"),
])  # fmt: skip
def test_a_backend_that_cannot_read_is_refused(
    tiny_folder: Path, backend: Backend, device: str, error: type[Exception], fix: str
) -> None:
    with pytest.raises(error, match=fix):
        Relik.from_pretrained(tiny_folder, backend=backend, device=device)


def test_a_damaged_graph_is_an_error(apart: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(apart, tmp_path / "copied")
    (copied / "encode.onnx").write_bytes((copied / "encode.onnx").read_bytes()[:-9])
    with pytest.raises(ModelError, match=r"encode\.onnx"):
        Relik.from_pretrained(copied, backend="onnx")


def test_commands_add_graphs_and_describe_a_model(tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    run = CliRunner().invoke
    assert "onnx" not in run(main, ["bundle", "info", str(folder)]).stdout
    assert run(main, ["bundle", "onnx", str(folder)]).exit_code == 0
    assert json.loads((folder / FILE).read_bytes())["files"].keys() >= GRAPHS
    described = run(main, ["bundle", "info", str(folder)]).stdout
    assert "onnx, int8, torch" in described
    assert "entities" in described
    missing = run(main, ["bundle", "onnx", str(tmp_path / "nothing")])
    assert missing.exit_code == ModelError.exit_code
