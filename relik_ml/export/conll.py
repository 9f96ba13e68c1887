r"""Documents as CoNLL-U Plus: one token a line, with BIO tags of the flat view of mentions.

>>> from relik_ml.types import Link
>>> city = Mention("T2", 4, 10, "CITY", link=Link("linked", "Q649"))
>>> document = Document("d", "Мэр Москвы ушёл.", mentions=(Mention("T1", 0, 10, "PROFESSION"), city))
>>> for line in sentence_lines(document, flat(document.mentions), Counter()):
...     print(line.replace("\t", " "))
# newdoc id = "d"
1 Мэр 0 3 B-PROFESSION _
2 Москвы 4 10 I-PROFESSION _
3 ушёл 11 15 O _
4 . 15 16 O _
<BLANKLINE>

**The flat view.** Of overlapping mentions the longest is kept, of equally long ones the earliest, of equal spans the
first. Discontinuous mentions and mentions of only white space are left out. Tokens are split where a kept mention
starts or stops, so all tags are exact, and no sentence ends inside such a mention. Source of the format:
universaldependencies.org/ext-format.html.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from relik_ml.export.exporter import REPLACED, stand_in
from relik_ml.text import sentences, tokens
from relik_ml.types import Document, Mention, Token

COLUMNS = "# global.columns = ID FORM RELIK:START RELIK:STOP RELIK:NER RELIK:LINK"

_CONTROLS = re.compile("[\x00-\x1f]")
_UNSAFE = re.compile(r"[\s%\x00-\x20\x7f-\xa0]")


def write(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write documents to one file, as a stream."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        print(COLUMNS, file=file)
        for document in documents:
            kept = flat(document.mentions)
            whole = sum(not mention.fragments for mention in document.mentions)
            losses["mentions under longer ones left out"] += whole - len(kept)
            losses["discontinuous mentions left out"] += len(document.mentions) - whole
            losses["mentions of white space alone left out"] += sum(
                document.text[mention.start : mention.stop].isspace() for mention in kept
            )
            file.writelines(f"{line}\n" for line in sentence_lines(document, kept, losses))


def flat(mentions: Iterable[Mention]) -> list[Mention]:
    """The mentions of the flat view, in text order, without overlaps.

    >>> [m.id for m in flat([Mention("A", 0, 3, "X"), Mention("B", 2, 9, "X"), Mention("C", 9, 11, "X")])]
    ['B', 'C']
    """
    kept: list[Mention] = []
    for mention in sorted(mentions, key=lambda mention: (mention.start - mention.stop, mention.start)):
        index = bisect_right(kept, mention.start, key=lambda one: one.start)
        after_last = not index or kept[index - 1].stop <= mention.start
        before_next = index == len(kept) or mention.stop <= kept[index].start
        if not mention.fragments and after_last and before_next:
            kept.insert(index, mention)
    return kept


def sentence_lines(document: Document, kept: Sequence[Mention], losses: Counter[str]) -> Iterator[str]:
    """The lines of a document: its id as a JSON string, then its sentences, a blank line after each."""
    heads = {start for start, _ in sentences(document.text)}
    yield f"# newdoc id = {json.dumps(document.id)}"
    number, last = 0, None
    for word in cut_tokens(document.text, kept):
        mention = _around(word, kept)
        inside = mention is not None and mention is last
        if number and word.start in heads and not inside:
            yield ""
            number = 0
        number += 1
        form, replaced = _CONTROLS.subn(stand_in, word.text)
        losses[REPLACED] += replaced
        yield "\t".join(map(str, (number, form, word.start, word.stop, *_tag(mention, inside))))
        last = mention
    yield from [""] * (number > 0)


def cut_tokens(text: str, mentions: Iterable[Mention]) -> Iterator[Token]:
    """The tokens of a text, split where a mention starts or stops."""
    cuts = sorted({offset for mention in mentions for offset in mention.span})
    for token in tokens(text):
        inner = cuts[bisect_right(cuts, token.start) : bisect_left(cuts, token.stop)]
        for start, stop in pairwise([token.start, *inner, token.stop]):
            yield Token(start, stop, text[start:stop])


def _around(word: Token, kept: Sequence[Mention]) -> Mention | None:
    index = bisect_right(kept, word.start, key=lambda mention: mention.start) - 1
    return kept[index] if index >= 0 and word.start < kept[index].stop else None


def _tag(mention: Mention | None, inside: bool) -> tuple[str, str]:
    if mention is None:
        return "O", "_"
    return f"{'BI'[inside]}-{_cell(mention.type)}", _cell(mention.link.id or "") or "_"


def _cell(text: str) -> str:
    """A text with white space, control characters and percent signs percent-encoded.

    >>> _cell("a b\\t%"), _cell("_")
    ('a%20b%09%25', '%5F')
    """
    return "%5F" if text == "_" else _UNSAFE.sub(lambda match: quote(match[0], safe=""), text)
