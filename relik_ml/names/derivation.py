"""What an adjective or the name of an inhabitant is derived from: «техасский» from Техас, «москвич» from Москва.

The rules are those of Russian word formation as far as they need no dictionary; what they give is merely tried. The
words that no rule reaches stand in ``names/demonyms.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from relik_ml.names.demonyms import irregular
from relik_ml.names.keys import words_of
from relik_ml.names.stems import stem

SUFFIXES = (
    ("анск", ""), ("инск", ""), ("енск", ""), ("овск", ""), ("евск", ""), ("йск", ""), ("ск", ""),
    ("ск", "ц"), ("йск", "ян"),
    ("чанин", ""), ("чан", ""), ("анин", ""), ("янин", ""), ("лян", ""), ("ян", ""), ("ан", ""),
    ("янк", ""), ("анк", ""), ("ийк", ""), ("нк", ""), ("йц", ""), ("ц", ""), ("ец", ""), ("анец", ""), ("инец", ""),
    ("вич", "в"), ("ич", ""), ("ичк", ""), ("лянин", ""), ("лянк", ""), ("итянин", ""), ("чанк", ""),
    ("чанин", "ск"), ("чанк", "ск"), ("янин", "ск"), ("янк", "ск"), ("ич", "ск"), ("ичк", "ск"), ("ец", "ск"),
    ("жанин", "г"), ("жанк", "г"), ("жец", "г"), ("женк", "г"), ("жск", "г"), ("цк", "к"), ("цк", "ц"),
    ("вск", "вл"), ("вец", "вл"),
)  # fmt: skip
"""The end of a stem, and what stands there in the word that it is derived from: adjectives of places, their
inhabitants, and the inhabitants that an adjective speaks of («британский», британцы)."""

SHORTEST = 3

Stems = tuple[str, ...]


def bases(derived: str) -> Iterator[Stems]:
    """The stems of names that a stem may be derived from; the same may come by two suffixes.

    >>> list(bases("техасск")), ("москв",) in bases("москвич"), list(bases("петербуржец"))[-1]
    ([('техас',), ('техасц',)], True, ('санкт', 'петербург'))
    """
    yield from ((base,) for base in by_rule(derived))
    yield from _IRREGULAR.get(derived, ())


def by_rule(derived: str) -> Iterator[str]:
    """What the suffixes give: stems, and words whose stems they are (женев of Женева, but Ростов)."""
    for suffix, instead in SUFFIXES:
        base = derived.removesuffix(suffix) + instead
        if derived.endswith(suffix) and len(base) >= SHORTEST:
            yield from dict.fromkeys((stem(base), base))


def _irregular() -> Mapping[str, Sequence[Stems]]:
    names: dict[str, list[Stems]] = defaultdict(list)
    for word, place in irregular():
        names[stem(word)].append(tuple(map(stem, words_of(place))))
    return dict(names)


_IRREGULAR = _irregular()
