"""Which words a compact model knows."""

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from relik_ml.errors import ConfigError, DataError
from relik_ml.text.lexicon import fold
from relik_ml.text.tokens import tokens


def frequent_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word, folded, occurs in the texts.

    >>> frequent_words(["Ёлка и ёлки", "ЕЛКА"]).most_common(1)
    [('елка', 2)]
    """
    return Counter(fold(token.text) for text in texts for token in tokens(text) if token.text[0].isalpha())


def corpus_lines(paths: Sequence[Path]) -> Iterator[str]:
    """Lines of running text, plain or xz.

    Raises:
        ConfigError: a file is not there.
        DataError: a file is damaged, or no UTF-8.
    """
    for path in paths:
        if not path.is_file():
            raise ConfigError("no such corpus file", got=str(path), fix="give .txt or .txt.xz files to --corpus")
        opened = lzma.open if path.suffix == ".xz" else open
        try:
            with opened(path, "rt", encoding="utf-8") as lines:
                yield from lines
        except (UnicodeDecodeError, lzma.LZMAError, EOFError) as error:
            fix = "give files of UTF-8 text, plain or as a whole .xz"
            raise DataError("cannot read the corpus file", where=str(path), got=str(error), fix=fix) from None
