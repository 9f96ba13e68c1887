"""Model folders on the Hugging Face Hub: download by name, and upload."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from relik_ml.errors import ConfigError, ModelError, OutputError

NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+", re.ASCII)
"""``owner/model``."""
PATIENCE = 2
"""Seconds in which the Hub must answer. Its library would wait without end."""


def is_name(path: str | Path | None) -> bool:
    """Whether a string names a model on the Hub: ``owner/model``, unless a file or folder has that name.

    >>> [is_name("someone/cie-ru"), is_name(Path("someone/cie-ru")), is_name("cie-ru"), is_name("../runs/cie-ru")]
    [True, False, False, False]
    """
    return isinstance(path, str) and NAME.fullmatch(path) is not None and not Path(path).exists()


def fetch(name: str) -> Path:
    """Download a model of the Hub into the cache, if needed, and return its folder.

    Raises:
        ModelError: there is no such model, or no network.
    """
    try:
        return _snapshot(name)
    except Exception as error:  # its own errors, those of its HTTP client, and OSError
        with suppress(Exception):
            return _snapshot(name, local_files_only=True)
        raise _absent(name, error) from error


def find_files(name: str, wanted: Sequence[str]) -> Path | None:
    """The folder of these files of a model, from the cache or the Hub. None when one of them cannot be had."""
    for offline in (True, False):  # the cache first, because requests to an unreachable Hub are slow
        try:
            found = _snapshot(name, allow_patterns=[*wanted], local_files_only=offline)
        except Exception:  # its own errors, those of its HTTP client, and OSError
            continue
        if all((found / each).exists() for each in wanted):
            return found
    return None


def refuse_unreachable(name: str) -> None:
    """Raise ModelError if a model that transformers is to load is not in the cache and the Hub does not answer."""
    from huggingface_hub import try_to_load_from_cache

    if not isinstance(try_to_load_from_cache(name, "config.json"), str):
        try:
            _reach()
        except Exception as error:  # its own errors, those of its HTTP client, and OSError
            raise _absent(name, error) from error


def _snapshot(name: str, **wanted: Any) -> Path:
    from huggingface_hub import snapshot_download  # comes with tokenizers

    if not wanted.get("local_files_only"):
        _reach()
    return Path(snapshot_download(name, **wanted))


def _reach() -> None:
    """Raise an error of the Hub's library or its HTTP client if the Hub does not answer in time."""
    from huggingface_hub import constants, get_session

    get_session().head(constants.ENDPOINT, timeout=PATIENCE)


def _absent(name: str, error: Exception) -> ModelError:
    what = "there is no such model folder, and the Hugging Face Hub gave no such model"
    fix = "check the folder's path, or the name and the network; HF_TOKEN for a model that is not public"
    return ModelError(what, where=name, got=_first_line(error), fix=fix)


def publish(folder: Path, name: str, *, private: bool | None = None, api: Any = None) -> str:
    """Upload a folder in one commit, and return its URL. Other files in the repository are kept.

    ``api`` is a ``huggingface_hub.HfApi``, by default one with the user's token.

    Raises:
        ConfigError: the name is not of the form ``owner/model``, or there is no token.
        OutputError: the Hub refuses the upload or cannot be reached.
    """
    if not NAME.fullmatch(name):
        raise ConfigError("not a name on the Hugging Face Hub", got=repr(name), fix="owner/model")
    api = api or _api()
    try:
        api.create_repo(name, private=private, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload a model of relik-ml")
    except Exception as error:  # its own errors, those of its HTTP client, and OSError
        fix = "check the network, and that the token may write there"
        raise OutputError("the model was not published", where=name, got=_first_line(error), fix=fix) from error
    return f"https://huggingface.co/{name}"


def _api() -> Any:
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        fix = "hf auth login, or set HF_TOKEN to a token that may write"
        raise ConfigError("there is no token for the Hugging Face Hub", got="none", fix=fix)
    return HfApi()


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
