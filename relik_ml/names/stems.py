"""Stems: words without their inflection.

>>> [stem(word) for word in ("Путина", "Путиным", "Россией", "российской", "США", "Google")]
['путин', 'путин', 'росс', 'российск', 'сша', 'google']
"""

from __future__ import annotations

import re

_ENDING = re.compile(
    "(?:иями|ыми|ими|ого|его|ому|ему|ами|ями|иях|ией|ов|ев|ей|ой|ий|ый|ая|яя|ое|ее|ые|ие|ых|их|ым|им|ом|ем|"
    "ам|ям|ах|ях|ою|ею|ия|ии|ию|ью|ье|ья|а|я|о|е|у|ю|ы|и|ь|й)$"
)
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def stem(word: str) -> str:
    """A Russian word without its inflection, case-folded, ё as е; other words case-folded."""
    folded = word.casefold().replace("ё", "е")
    if len(folded) < 4 or word.isupper() or not CYRILLIC.match(folded):
        return folded
    bare = _ENDING.sub("", folded)
    return bare if len(bare) >= 3 else folded
