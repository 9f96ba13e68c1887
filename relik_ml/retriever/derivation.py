"""What an adjective or the name of an inhabitant is derived from: «техасский» from Техас, «москвич» from Москва.

The rules are those of Russian word formation as far as they need no
dictionary; a stem that they give is merely tried.
"""

from __future__ import annotations

from collections.abc import Iterator

from relik_ml.retriever.stems import stem

SUFFIXES = (
    ("анск", ""), ("инск", ""), ("енск", ""), ("овск", ""), ("евск", ""), ("йск", ""), ("ск", ""),
    ("ск", "ц"), ("йск", "ян"),
    ("чанин", ""), ("чан", ""), ("анин", ""), ("янин", ""), ("лян", ""), ("ян", ""), ("ан", ""),
    ("янк", ""), ("анк", ""), ("ийк", ""), ("нк", ""), ("йц", ""), ("ц", ""), ("ец", ""),
    ("вич", "в"), ("ич", ""), ("ичк", ""),
)  # fmt: skip
"""The end of a stem, and what stands there in the word that it is derived from: adjectives of places, their
inhabitants, and the inhabitants that an adjective speaks of («британский», британцы)."""

SHORTEST = 3


def bases(derived: str) -> Iterator[str]:
    """Stems that a stem may be derived from; the same one may come by two suffixes.

    >>> list(bases("техасск")), set(bases("москвич"))
    (['техас', 'техасц'], {'москв'})
    """
    for suffix, instead in SUFFIXES:
        base = derived.removesuffix(suffix) + instead
        if derived.endswith(suffix) and len(base) >= SHORTEST:
            yield stem(base)
