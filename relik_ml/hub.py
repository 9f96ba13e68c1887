"""Model folders on the Hugging Face Hub: fetched by name into its cache, and published."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from relik_ml.errors import ConfigError, ModelError, OutputError

NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+", re.ASCII)
"""``owner/model``."""
_EXTRA = 'pip install "relik-ml[train]"'


def is_name(path: str | Path | None) -> bool:
    """Whether a text names a model on the Hub: ``owner/model``, unless a file or folder has that name.

    >>> [is_name("someone/cie-ru"), is_name(Path("someone/cie-ru")), is_name("cie-ru"), is_name("../runs/cie-ru")]
    [True, False, False, False]
    """
    return isinstance(path, str) and NAME.fullmatch(path) is not None and not Path(path).exists()


def fetch(name: str) -> Path:
    """The folder of a model of the Hub; files that are in the cache are not fetched again.

    Raises:
        ModelError: there is no such model, no network, or no huggingface_hub.
    """
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name))
    except ImportError as error:
        raise ModelError("fetching a model needs huggingface_hub", where=name, got=str(error), fix=_EXTRA) from error
    except Exception as error:  # errors of its own, of its HTTP client, of the system
        what = "there is no such model folder, and the Hugging Face Hub gave no such model"
        fix = "check the folder's path, or the name and the network; HF_TOKEN for a model that is not public"
        raise ModelError(what, where=name, got=_first_line(error), fix=fix) from error


def publish(folder: Path, name: str, *, private: bool | None = None, api: Any = None) -> str:
    """Upload a folder in one commit, and return its address. Other files of the repository stay.

    ``api`` is a ``huggingface_hub.HfApi``, by default one with the user's own token.

    Raises:
        ConfigError: the name is not of the form ``owner/model``, there is no token, or no huggingface_hub.
        OutputError: the Hub refused, or cannot be reached.
    """
    if not NAME.fullmatch(name):
        raise ConfigError("not a name on the Hugging Face Hub", got=repr(name), fix="owner/model")
    api = api or _api()
    try:
        api.create_repo(name, private=private, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload a model of relik-ml")
    except Exception as error:  # errors of its own, of its HTTP client, of the system
        fix = "check the network, and that the token may write there"
        raise OutputError("the model was not published", where=name, got=_first_line(error), fix=fix) from error
    return f"https://huggingface.co/{name}"


def _api() -> Any:
    try:
        from huggingface_hub import HfApi, get_token
    except ImportError as error:
        raise ConfigError("publishing needs huggingface_hub", got=str(error), fix=_EXTRA) from error
    if get_token() is None:
        fix = "hf auth login, or set HF_TOKEN to a token that may write"
        raise ConfigError("there is no token for the Hugging Face Hub", got="none", fix=fix)
    return HfApi()


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
