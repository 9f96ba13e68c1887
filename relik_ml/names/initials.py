"""Initials next to a surname, and whether a person's names fit them: «В. В. Путин» can be Владимир, not Алексей."""

from collections.abc import Sequence
from itertools import pairwise

from relik_ml.names.forms import CYRILLIC, PATRONYMIC, folded, spellings
from relik_ml.types import Entry, Token

DIGRAPH = "Дж"
"""The only initial with two letters, as in «Дж. Р. Р. Толкин»."""

HEARD = {
    "a": "ая", "b": "бв", "c": "цксчш", "d": "д", "e": "еэ", "f": "ф", "g": "гдж", "h": "гх", "i": "ия", "j": "дйжияюе",
    "k": "кх", "l": "л", "m": "м", "n": "н", "o": "о", "p": "пф", "q": "кц", "r": "р", "s": "сшзщ", "t": "тцфч",
    "u": "ую", "v": "вф", "w": "ву", "x": "кхс", "y": "йыюяеи", "z": "зжцс",
}  # fmt: skip
"""The Russian initials that may stand for a Latin one: Charles is Чарльз, Карл or Шарль."""


def is_initial(word: str) -> bool:
    """Whether a word is a single capital letter or the digraph."""
    return (len(word) == 1 and word.isupper()) or word == DIGRAPH


def initials(run: Sequence[Token]) -> tuple[str, ...]:
    """The initials in a run of tokens that includes the token after the name. Empty if any of them is ambiguous.

    A capital letter without a full stop may be a preposition («В Путине»). Initials after a comma may belong to the
    next person («Путин, А. Б. Иванов»).
    """
    letters = [token.text for token in run[:-1] if is_initial(token.text)]
    stopped = [one.text for one, other in pairwise(run) if is_initial(one.text) and other.text == "."]
    plain = all(token.text == "." or token.text[0].isalnum() for token in run[:-1])
    return tuple(map(folded, letters)) if plain and letters == stopped else ()


def fits(initials: Sequence[str], entry: Entry) -> bool | None:
    """Whether the names of a person are consistent with case-folded initials.

    The first initial is compared with the given name. The second is compared with the second given name and with all
    patronymics of the entry; without any of these, it fits. Latin letters match the Russian letters in ``HEARD``. None
    if the entry has no given name, or one in another alphabet.

    >>> putin = Entry("Q7747", "entity", "Владимир Путин", aliases=("Путин, Владимир Владимирович",))
    >>> [fits(initials, putin) for initials in (["в"], ["в", "в"], ["в", "п"], ["а", "в"], ["v"], ["a"])]
    [True, True, False, False, True, False]
    """
    *given, surname = spellings(entry.name, human=True)[-1].split() or [""]
    letters = [initials[0][0], *(folded(name)[0] for name in given[:1])]
    if len(letters) < 2 or not all(letter in HEARD or CYRILLIC.match(letter) for letter in letters):
        return None
    if len(initials) < 2 or not _begins(given[0], initials[0]):
        return _begins(given[0], initials[0])
    words = (word for name in (entry.name, *entry.aliases) for word in name.split())
    second = [word for word in given[1:] if word[0].isupper()]
    second += [word for word in words if word != surname and PATRONYMIC.fullmatch(word)]
    return not second or any(_begins(word, initials[1]) for word in second)


def _begins(word: str, initial: str) -> bool:
    """Whether a name may begin with an initial, in either alphabet."""
    letter = folded(word)[0]
    return folded(word).startswith(initial) or initial[0] in HEARD.get(letter, "") or letter in HEARD.get(initial, "")
