"""The language code that users give for texts without one."""

from __future__ import annotations

import re

from relik_ml.errors import ConfigError

_CODE = re.compile(r"[a-z]{2,3}")


def check_language(lang: str) -> None:
    """ConfigError unless ``lang`` is a lower-case ISO 639 code, because rules depend on it.

    >>> check_language("ru")
    >>> check_language("ru-RU")
    Traceback (most recent call last):
    relik_ml.errors.ConfigError: no code of a language...
    """
    if not _CODE.fullmatch(lang):
        fix = "give two or three lower-case Latin letters (ISO 639), such as ru"
        raise ConfigError("no code of a language", where="lang", got=repr(lang), fix=fix)
