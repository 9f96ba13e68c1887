"""Fixtures and settings for all tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from relik_ml import Relik

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every run and no deadline: a red test is a fault in the code, not a busy machine.
settings.register_profile("relik", deadline=None, derandomize=True)
settings.load_profile("relik")


@pytest.fixture(scope="session", autouse=True)
def no_own_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The embedded index as it was installed, whatever the user has added."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELIK_ML_DATA", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the repository (see docs/index.md); tests that need it skip without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real-data test: {folder} is not here")
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever touches the network fails the test."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was touched")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Relik:
    """A small model trained on the twenty documents of tests/corpus.py, once, in seconds."""
    from tests.corpus import train_tiny

    return train_tiny(tmp_path_factory.mktemp("tiny") / "index")


@pytest.fixture(scope="session")
def tiny_folder(tiny: Relik, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model as a folder: not to be written to."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    tiny.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``mdeberta``, ``xlmr``, ``e5-small``, ``modernbert`` and ``mmbert``: the real architectures, tiny and
    random, each with its kind of tokenizer.

    They lie as transformers saves them, for AutoModel and ``load_tokenizer``; their limit is 512 tokens.
    """
    pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")
    import torch

    from tests.checkpoints import save_bert, save_mdeberta, save_modernbert, save_xlmr

    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    save_mdeberta(folder / "mdeberta")
    save_xlmr(folder / "xlmr")
    save_bert(folder / "e5-small")
    save_modernbert(folder / "modernbert")
    save_modernbert(folder / "mmbert", mark="▁")
    return folder
