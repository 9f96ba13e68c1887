r"""What stands for the characters that a format cannot hold: one code point for one, so that offsets stay right.

Half of a surrogate pair and the two noncharacters of XML become U+FFFD; a control character that XML forbids becomes
its picture, U+2400 and following.

>>> losses: Counter[str] = Counter()
>>> xml(losses)("Пушкин\x00\ud800, tab\t")
'Пушкин␀�, tab\t'
>>> dict(losses)
{'characters shown by others': 2}
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

SHOWN = "characters shown by others"

_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_STEERS = re.compile("[\x00-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Characters:
    """Gives a text with nothing in it that matches ``forbidden``, and counts in ``losses`` what was replaced."""

    forbidden: re.Pattern[str]
    losses: Counter[str]

    def __call__(self, text: str) -> str:
        """The text as the format can hold it."""
        written, count = self.forbidden.subn(_stand_in, text)
        if count:
            self.losses[SHOWN] += count
        return written


def utf8(losses: Counter[str]) -> Characters:
    """For formats that hold every character: only lone surrogates are replaced."""
    return Characters(_NOT_UTF8, losses)


def xml(losses: Counter[str]) -> Characters:
    """For XML 1.0 (section 2.2, Characters)."""
    return Characters(_NOT_XML, losses)


def lines(losses: Counter[str]) -> Characters:
    """For formats of lines and tabs: all C0 controls are replaced."""
    return Characters(_STEERS, losses)


def _stand_in(match: re.Match[str]) -> str:
    char = match[0]
    return chr(0x2400 + ord(char)) if char < " " else "\ufffd"
