"""Every error this library raises on purpose, and the exit code the command line gives it.

::

    RelikError                1
    ├── DataError             3   a document, corpus or index row is wrong
    │   └── CorpusNotFound    4   a corpus is not at the given path, or could not be fetched
    ├── ModelError            5   a model or index folder is missing, damaged or does not fit
    ├── OutputError           6   a result could not be written
    ├── ConfigError           7   settings contradict each other or cannot work
    └── ServiceError          8   a service does not answer, is busy or failed

Exit code 2 is click's own, for wrong usage; ``BROKEN_PIPE`` comes without a message. Every other message says
four things: what is wrong, where, what was found, and how to put it right.

>>> print(DataError("offset outside the text", where="line 3, document 'a'", got="[5, 9) of 7", fix="re-convert"))
offset outside the text
  where: line 3, document 'a'
  got:   [5, 9) of 7
  fix:   re-convert
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

BROKEN_PIPE = 141
"""Exit code when the reader of the output has gone: 128 + SIGPIPE, as a shell reports it."""

_ROOT = Path(__file__).parents[1]
"""The repository, if the package is imported from a checkout."""


def install(extra: str, root: Path = _ROOT) -> str:
    """The command that installs an extra; in a checkout, from there, since its version may be on no package index."""
    source = f" @ {root.as_uri()}" if (root / "pyproject.toml").is_file() else ""
    return f'pip install "relik-ml[{extra}]{source}"'


def leave_quietly() -> NoReturn:
    """Exit with ``BROKEN_PIPE`` and without a message, because the reader of the output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or what is buffered would be tried again at exit
    raise SystemExit(BROKEN_PIPE)


class RelikError(Exception):
    """The root: what is wrong, where, what was found and how to put it right."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", got: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.got, self.fix = what, where, got, fix

    def __str__(self) -> str:
        parts = (("where: ", self.where), ("got:   ", self.got), ("fix:   ", self.fix))
        return "\n  ".join([self.what, *(name + text for name, text in parts if text)])


class DataError(RelikError):
    """A document, corpus or index row breaks the schema."""

    exit_code = 3


class CorpusNotFound(DataError):
    """A corpus is not at the given path, or could not be fetched."""

    exit_code = 4


class ModelError(RelikError):
    """A model or index folder is missing, damaged or does not fit its use."""

    exit_code = 5


class OutputError(RelikError):
    """A result could not be written; nothing partial is left under the final name."""

    exit_code = 6


class ConfigError(RelikError):
    """Settings contradict each other or cannot work."""

    exit_code = 7


class ServiceError(RelikError):
    """A service does not answer, is busy or failed."""

    exit_code = 8
