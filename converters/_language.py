"""The language of texts that do not say it themselves, as users name it."""

from __future__ import annotations

import re

from relik_ml.errors import ConfigError

_CODE = re.compile(r"[a-z]{2,3}")


def check_language(lang: str) -> None:
    """ConfigError unless ``lang`` is a code of ISO 639, in small letters and alone, since rules depend on it.

    >>> check_language("ru")
    >>> check_language("ru-RU")
    Traceback (most recent call last):
    relik_ml.errors.ConfigError: no code of a language...
    """
    if not _CODE.fullmatch(lang):
        fix = "give two or three small Latin letters (ISO 639), such as ru"
        raise ConfigError("no code of a language", where="lang", got=repr(lang), fix=fix)
