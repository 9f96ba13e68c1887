"""What a long name is called for short: «Министерство внутренних дел» is МВД."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

SMALL = frozenset(["и", "в", "во", "о", "об", "на", "по", "при", "за", "из", "для", "с", "со", "к", "ко", "от", "до"])
"""Words whose letters an acronym leaves out."""

OWNERS = (("Российской", "Федерации"), ("России",), ("РФ",), ("СССР",), ("США",))
"""Ends of a name that its acronym is as often used without: МВД for МВД России."""

SHORTEST, LONGEST = 3, 6
"""Letters of an acronym: two fit too many names."""


def acronyms(words: Sequence[str]) -> Iterator[str]:
    """The acronyms of a name in the nominative, given as its words, in capitals.

    >>> list(acronyms("Министерство внутренних дел Российской Федерации".split()))
    ['МВДРФ', 'МВД']
    """
    for owner in ((), *OWNERS):
        end = len(words) - len(owner)
        letters = [word[0].upper() for word in words[:end] if word not in SMALL and word[0].isalpha()]
        if tuple(words[end:]) == owner and SHORTEST <= len(letters) <= LONGEST:
            yield "".join(letters)
