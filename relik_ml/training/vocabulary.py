"""Which words a compact model knows."""

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from relik_ml.errors import ConfigError
from relik_ml.text.lexicon import fold
from relik_ml.text.tokens import tokens


def frequent_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word, folded, occurs in the texts.

    >>> frequent_words(["Ёлка и ёлки", "ЕЛКА"]).most_common(1)
    [('елка', 2)]
    """
    return Counter(fold(token.text) for text in texts for token in tokens(text) if token.text[0].isalpha())


def corpus_lines(paths: Sequence[Path]) -> Iterator[str]:
    """Lines of running text, plain or xz; ConfigError when a file is not there."""
    for path in paths:
        if not path.is_file():
            raise ConfigError("no such corpus file", got=str(path), fix="give .txt or .txt.xz files to --corpus")
        with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as lines:
            yield from lines
