"""Model folders on the Hugging Face Hub: fetched by name into its cache, and published."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

from relik_ml.errors import ConfigError, ModelError, OutputError

NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+", re.ASCII)
"""``owner/model``."""
_EXTRA = 'pip install "relik-ml[train]"'


class Api(Protocol):
    """What of ``huggingface_hub.HfApi`` is used here."""

    def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool) -> Any:
        """Make the repository unless it is there."""
        ...

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> Any:
        """One commit of all files."""
        ...


def is_name(path: str | Path | None) -> bool:
    """Whether a text names a model on the Hub: ``owner/model``, unless a file or folder has that name.

    >>> [is_name("someone/cie-ru"), is_name(Path("someone/cie-ru")), is_name("cie-ru"), is_name("../runs/cie-ru")]
    [True, False, False, False]
    """
    return isinstance(path, str) and NAME.fullmatch(path) is not None and not Path(path).exists()


def fetch(name: str) -> Path:
    """The folder of a model of the Hub; what of it is in the cache already is not fetched again.

    Raises:
        ModelError: it cannot be had: no such model, no network, or no huggingface_hub.
    """
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name))
    except ImportError as error:
        raise ModelError("fetching a model needs huggingface_hub", where=name, got=str(error), fix=_EXTRA) from error
    except Exception as error:  # errors of its own, of its HTTP client, of the system
        raise ModelError(
            "there is no such model folder, and the Hugging Face Hub gave no such model",
            where=name,
            got=_first_line(error),
            fix="check the folder's path, or the name and the network; HF_TOKEN for a model that is not public",
        ) from error


def publish(folder: Path, name: str, *, private: bool | None = None, api: Api | None = None) -> str:
    """Upload a folder in one commit, and return its address. Other files of the repository stay.

    Raises:
        ConfigError: the name is none, there is no token, or no huggingface_hub.
        OutputError: the Hub refused, or cannot be reached.
    """
    if not NAME.fullmatch(name):
        raise ConfigError("this is no name for the Hugging Face Hub", got=repr(name), fix="owner/model")
    api = api or _api()
    try:
        api.create_repo(name, private=private, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload a model of relik-ml")
    except Exception as error:  # errors of its own, of its HTTP client, of the system
        fix = "check the network, and that the token may write there"
        raise OutputError("the model was not published", where=name, got=_first_line(error), fix=fix) from error
    return f"https://huggingface.co/{name}"


def _api() -> Api:
    try:
        from huggingface_hub import HfApi, get_token
    except ImportError as error:
        raise ConfigError("publishing needs huggingface_hub", got=str(error), fix=_EXTRA) from error
    if get_token() is None:
        fix = "hf auth login, or set HF_TOKEN to a token that may write"
        raise ConfigError("there is no token for the Hugging Face Hub", got="none", fix=fix)
    api: Api = HfApi()
    return api


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
