"""What Russian word a Latin spelling may stand for: Yeltsin for «Ельцин», Khrushchev for «Хрущёв».

A romanisation loses letters (y is й, ы or the end of ий; a soft sign is nothing), and there are several of them. So a
word is read in all ways and the likeliest are tried, as many as a look-up can bear. Case endings are no concern, for
stems are compared: «ский», -sky and -skiy, «ов», -ov and -off meet in one.
"""

from __future__ import annotations

import re
import unicodedata
from heapq import nsmallest

from relik_ml.names.stems import stem

LETTERS = (
    ("shch", "щ"), ("sch", "щ ш сх"), ("tsch|tch", "ч тч"), ("zh", "ж"), ("kh", "х"), ("ch", "ч х"), ("sh", "ш"),
    ("ts|tz", "ц тс"), ("ph", "ф"), ("th", "т ф"), ("gh", "г"), ("ck", "к"), ("dzh|dj", "дж"), ("x", "кс"),
    ("off$|ow$", "ов"), ("eff$", "ев"), ("iya$|ia$", "ия"), ("^iu", "ю"),
    ("(?<=[^aeiou])(?:iy|ii|yy|ij|yi|y)$", "ий"), ("(?<=[^aeiou])i$", "и ий"), ("er$", "ер р"),
    ("(?<=[^aeiouy])ia", "иа ья"), ("(?<=[^aeiouy])i[eo]", "ие ье"),
    ("(?<=[^aeiouy])ya", "я ья"), ("(?<=[^aeiouy])yu", "ю ью"), ("(?<=[^aeiouy])y[eo]", "ье е"),
    ("(?:y|j|(?<=[aeou])i)a", "я"), ("(?:y|j|(?<=[aeou])i)u", "ю"), ("[yj][eo]", "е"),
    ("(?<=[aeou])y", "й"), ("(?<=[aeou])i", "й и"), ("yi", "ьи ый"), ("y", "ы и й"), ("^e|(?<=a)e", "е э"),
    ("l(?=[^aeiouyjl])", "л ль"), ("z(?=m)", "з зь"), ("r(?=[km])", "р рь"), ("n(?=k)", "н нь"), ("['’]", "ь"),
    ("c(?=[eiy])", "ц с к"), ("c|q", "к"), ("h", "х г"), ("j", "й дж ж"), ("w", "в у"),
    *((latin, russian) for latin, russian in zip("abdefgiklmnoprstuvz", "абдефгиклмнопрстувз", strict=True)),
)  # fmt: skip
"""What stands in a Latin word, and what Russian letters it may stand for, likeliest first. The first that fits counts:
longer ones come before their parts, and ё is е, as in stems."""

SPELLINGS = 24
"""The most ways to read one word."""

SHORTEST = 3

_LETTERS = re.compile("|".join(f"({pattern})" for pattern, _ in LETTERS))
_READINGS = [readings.split() for _, readings in LETTERS]


def russian_stems(word: str) -> list[str]:
    """The stems of the Russian words that a Latin one may spell, likeliest first; of anything else none.

    >>> russian_stems("Yeltsin"), russian_stems("Dostoyevsky")[0] == russian_stems("Dostoevskii")[0] == "достоевск"
    (['елцин', 'елтсин', 'ельцин', 'ельтсин'], True)
    """
    folded = "".join(char for char in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(char))
    matches = list(_LETTERS.finditer(folded))
    if "".join(match.group() for match in matches) != folded:
        return []
    spelt = [(0, "")]
    for match in matches:
        readings = _READINGS[(match.lastindex or 0) - 1]
        longer = ((rank + place, done + more) for rank, done in spelt for place, more in enumerate(readings))
        spelt = nsmallest(SPELLINGS, longer, key=lambda reading: reading[0])
    return [each for each in dict.fromkeys(stem(russian) for _, russian in spelt) if len(each) >= SHORTEST]
