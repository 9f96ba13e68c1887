"""Models on the Hugging Face Hub, with a stand-in for it: no test touches the network."""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock

import pytest

from relik_ml import Relik
from relik_ml.e5 import resolve
from relik_ml.errors import ConfigError, ModelError, OutputError
from tests.corpus import bare, documents

huggingface_hub = pytest.importorskip("huggingface_hub", reason="the Hub needs the extra relik-ml[train]")
errors = pytest.importorskip("huggingface_hub.errors")
pytestmark = pytest.mark.usefixtures("no_network")

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


@pytest.fixture(autouse=True)
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub answers."""
    monkeypatch.setattr(huggingface_hub, "get_session", Mock())


@dataclass
class Hub:
    """Keeps what is uploaded; refuses with ``error`` if it has one."""

    error: Exception | None = None
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool | None] = field(default_factory=dict)

    def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool) -> None:
        assert exist_ok
        if self.error:
            raise self.error
        self.repositories.setdefault(repo_id, {})
        self.private[repo_id] = private

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> None:
        assert "relik-ml" in commit_message
        files = {path.relative_to(folder_path).as_posix(): path.read_bytes() for path in folder_path.rglob("*.*")}
        self.repositories[repo_id] |= files

    def download(self, name: str, folder: Path) -> str:
        """What ``snapshot_download`` does, less the network."""
        for path, content in self.repositories[name].items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return str(folder)


def test_what_is_pushed_is_what_is_fetched(tiny: Relik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Hub()
    assert tiny.push_to_hub("someone/cie-ru", private=True, api=other) == "https://huggingface.co/someone/cie-ru"
    assert other.private == {"someone/cie-ru": True}
    files = other.repositories["someone/cie-ru"]
    assert {"README.md", "config.json", "manifest.json", "reader.safetensors", "index/manifest.json"} <= files.keys()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name: other.download(name, tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    fetched = Relik.from_pretrained("someone/cie-ru")
    text = bare(documents()[0])
    tiny.save_pretrained(tmp_path / "saved")
    assert [*fetched.annotate([text])] == [*Relik.from_pretrained(tmp_path / "saved").annotate([text])]


def test_a_folder_of_that_name_is_not_looked_for_elsewhere(
    tiny: Relik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name: pytest.fail("it is here"))
    tiny.save_pretrained("runs/cie")
    assert Relik.from_pretrained("runs/cie").settings == tiny.settings
    with pytest.raises(ModelError, match="holds no model"):
        Relik.from_pretrained(Path("runs/other"))


def test_a_model_that_is_not_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> NoReturn:
        raise errors.LocalEntryNotFoundError("Cannot reach the Hub.\nMore lines.")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", absent)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="model") as caught:
        Relik.from_pretrained("runs/cie-ru")
    assert caught.value.where == "runs/cie-ru"
    assert caught.value.got == "LocalEntryNotFoundError: Cannot reach the Hub."
    assert caught.value.fix


@pytest.mark.parametrize("call", [Relik.from_pretrained, resolve])
def test_a_hub_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[[str], object]
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("relik_ml.hub.PATIENCE", 0.1)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        with pytest.raises(ModelError, match="Hugging Face Hub") as caught:
            call("someone/not-here")
    assert "Timeout" in caught.value.got


def test_no_token_is_said_before_anything_is_sent(tiny: Relik, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(ConfigError, match="no token") as caught:
        tiny.push_to_hub("someone/cie-ru")
    assert "HF_TOKEN" in caught.value.fix


@pytest.mark.parametrize("name", ["cie-ru", "", "a/b/c", "../x", "https://huggingface.co/a/b", "имя/модель/"])
def test_a_name_that_is_none(tiny: Relik, name: str) -> None:
    with pytest.raises(ConfigError, match="not a name") as caught:
        tiny.push_to_hub(name, api=Hub())
    assert caught.value.fix == "owner/model"


@pytest.mark.parametrize("error", [OSError("no route"), errors.HFValidationError("403 Forbidden\nx")])
def test_a_hub_that_refuses(tiny: Relik, error: Exception) -> None:
    other = Hub(error)
    with pytest.raises(OutputError, match="not published") as caught:
        tiny.push_to_hub("someone/cie-ru", api=other)
    assert caught.value.where == "someone/cie-ru"
    assert str(error).partition("\n")[0] in caught.value.got
    assert not other.repositories


def test_the_card_of_a_recipe_says_its_scores_to_the_hub(tiny: Relik) -> None:
    from relik_ml.score import score
    from relik_ml.training import Data, Origin, Task, model_card

    gold = documents()
    other = replace(gold[0], meta={"dataset": "theirs", "licence": "CC0"})
    report = score(gold, tiny.annotate(map(bare, gold)))
    origin = Origin(Data([*gold, other], gold, (), (), (), ()), "relik-ml")
    text = model_card(Task("Задача: по-русски", "Всё"), origin, report, None, tiny.retriever.index)
    data = huggingface_hub.ModelCard(text).data
    assert (data.language, data.library_name) == (["ru"], "relik-ml")
    found = {each.metric_name: each.metric_value for each in data.eval_results}
    assert found["entities: span and type"] == round(report.scores["ner"].f1, 4) > 0.9
    assert len(found) == 4
    assert {(each.dataset_name, each.dataset_split) for each in data.eval_results} == {("ours", "dev")}
    assert "on the train split of ours, theirs:" in text
    assert "- ours, 20 documents: no licence stated (20).\n- theirs, 1 documents: CC0 (1)." in text
    assert "NEREL" not in text
    rows = re.findall(r"^\| 0\.\d to [01]\.\d \|.*", text, re.MULTILINE)
    sizes = [int(cell[1].replace(",", "")) for row in rows if (cell := re.search(r"\| (?:\d+% of ([\d,]+))", row))]
    assert sum(sizes) == report.scores["ner"].guessed, "how reliable scores are"
    assert "| expected calibration error |" in text
