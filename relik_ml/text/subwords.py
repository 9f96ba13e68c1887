"""Fast tokenizers from their files, without transformers."""

import json
import shutil
from pathlib import Path
from typing import Any

from relik_ml.errors import ModelError

FILES = ("tokenizer.json", "tokenizer_config.json")
_UNBOUNDED = 10**9


class SavedTokenizer:
    """A tokenizer that ``relik_ml.encoders.save_tokenizer`` wrote, with the attributes of transformers' that we use."""

    def __init__(self, folder: Path) -> None:
        """Read a folder. ModelError when it has no tokenizer that can be read."""
        from tokenizers import Tokenizer

        try:
            self.backend_tokenizer: Any = Tokenizer.from_file(str(folder / FILES[0]))
            settings = json.loads((folder / FILES[1]).read_text("utf-8"))
        except Exception as error:  # tokenizers raises plain Exception
            got, fix = f"{type(error).__name__}: {error}", "copy the model folder again"
            raise ModelError("cannot load the tokenizer", where=str(folder), got=got, fix=fix) from error
        self.folder = folder
        self.model_max_length: int = min(settings.get("model_max_length", _UNBOUNDED), _UNBOUNDED)
        self._special = {name: settings[name] for name in settings if name.endswith("_token")}

    def __getattr__(self, name: str) -> int | None:
        """The id of a special token, such as ``pad_token_id``; None when the tokenizer has no such token."""
        if not name.endswith("_token_id"):
            raise AttributeError(name)
        token = self._special.get(name.removesuffix("_id"))
        return None if token is None else self.backend_tokenizer.token_to_id(token)

    def __len__(self) -> int:
        return int(self.backend_tokenizer.get_vocab_size(with_added_tokens=True))

    def save_pretrained(self, folder: Path) -> None:
        """Copy the files."""
        folder.mkdir(exist_ok=True)
        for name in FILES:
            shutil.copyfile(self.folder / name, folder / name)
