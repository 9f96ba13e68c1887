r"""Documents as CoNLL-U Plus: a token a line, with the flat view of their mentions in BIO tags.

>>> from relik_ml.types import Link
>>> city = Mention("T2", 4, 10, "CITY", link=Link("linked", "Q649"))
>>> for line in sentence_lines(Document("d", "Мэр Москвы ушёл.", mentions=(Mention("T1", 0, 10, "PROFESSION"), city))):
...     print(line.replace("\t", " "))
# newdoc id = "d"
1 Мэр 0 3 B-PROFESSION _
2 Москвы 4 10 I-PROFESSION _
3 ушёл 11 15 O _
4 . 15 16 O _
<BLANKLINE>

**The flat view.** Of mentions that overlap the longest stays, of equally long ones the earliest, of equal spans the
first; discontinuous mentions and those of white space alone have no place. Tokens are cut where a mention that stays
starts or stops, so every tag is exact, and no sentence ends inside such a mention. Source of the format:
universaldependencies.org/ext-format.html.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from relik_ml.export.characters import lines as characters
from relik_ml.export.losses import left_out
from relik_ml.text import sentences, tokens
from relik_ml.types import Document, Mention, Token

COLUMNS = "# global.columns = ID FORM RELIK:START RELIK:STOP RELIK:NER RELIK:LINK"

_UNSAFE = re.compile(r"[\s%\x00-\x20\x7f-\xa0\ud800-\udfff]")


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write documents to one file, as a stream; how many, and what was left out."""
    losses: Counter[str] = Counter(documents=0)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        print(COLUMNS, file=file)
        for document in documents:
            kept = flat(document.mentions)
            losses.update({"documents": 1} | _unheld(document, kept))
            file.writelines(f"{line}\n" for line in sentence_lines(document, kept, losses))
    return losses


def flat(mentions: Iterable[Mention]) -> list[Mention]:
    """The mentions of the flat view, in text order; none overlaps another.

    >>> [m.id for m in flat([Mention("A", 0, 3, "X"), Mention("B", 2, 9, "X"), Mention("C", 9, 11, "X")])]
    ['B', 'C']
    """
    kept: list[Mention] = []
    for mention in sorted(mentions, key=lambda mention: (mention.start - mention.stop, mention.start)):
        place = bisect_right(kept, mention.start, key=lambda one: one.start)
        after_last = not place or kept[place - 1].stop <= mention.start
        before_next = place == len(kept) or mention.stop <= kept[place].start
        if not mention.fragments and after_last and before_next:
            kept.insert(place, mention)
    return kept


def sentence_lines(
    document: Document, kept: Sequence[Mention] | None = None, losses: Counter[str] | None = None
) -> Iterator[str]:
    """The lines of a document: its id as a JSON string, then its sentences, a blank line after each."""
    kept = flat(document.mentions) if kept is None else kept
    shown = characters(Counter() if losses is None else losses)
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
        cells = (number, shown(word.text), word.start, word.stop, *_tag(mention, inside))
        yield "\t".join(map(str, cells))
        last = mention
    yield from [""] * (number > 0)


def cut_tokens(text: str, mentions: Iterable[Mention]) -> Iterator[Token]:
    """The tokens of a text, cut where a mention starts or stops."""
    cuts = sorted({at for mention in mentions for at in mention.span})
    place = 0
    for token in tokens(text):
        start = token.start
        while place < len(cuts) and cuts[place] < token.stop:
            if start < cuts[place]:
                yield Token(start, cuts[place], text[start : cuts[place]])
                start = cuts[place]
            place += 1
        yield Token(start, token.stop, text[start : token.stop])


def _around(word: Token, kept: Sequence[Mention]) -> Mention | None:
    place = bisect_right(kept, word.start, key=lambda mention: mention.start) - 1
    return kept[place] if place >= 0 and word.start < kept[place].stop else None


def _tag(mention: Mention | None, inside: bool) -> tuple[str, str]:
    if mention is None:
        return "O", "_"
    return f"{'BI'[inside]}-{_cell(mention.type)}", _cell(mention.link.id or "") or "_"


def _cell(text: str) -> str:
    """A text that holds no blank: white space, controls, lone surrogates and the percent sign are percent-encoded.

    >>> _cell("a b\\t%"), _cell("_")
    ('a%20b%09%25', '%5F')
    """
    if text == "_":
        return "%5F"
    return _UNSAFE.sub(lambda match: quote(match[0].encode("utf-8", "surrogatepass"), safe=""), text)


def _unheld(document: Document, kept: Sequence[Mention]) -> Counter[str]:
    whole = sum(not mention.fragments for mention in document.mentions)
    blank = sum(not document.text[mention.start : mention.stop].strip() for mention in kept)
    return left_out(
        document, "scores of mentions", "scores of links", "labels of links", "alternative links", "values",
        "link states", "entities", "triples",
    ) + Counter({
        "mentions under longer ones left out": whole - len(kept),
        "discontinuous mentions left out": len(document.mentions) - whole,
        "mentions of white space alone left out": blank,
    })  # fmt: skip
