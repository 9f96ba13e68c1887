"""A document as a person reads it in a terminal: the text with its mentions in brackets, then the facts.

>>> from relik_ml.types import Document, Link, Mention, Property, Span, Triple
>>> text = "Анна Ахматова родилась в Одессе."
>>> anna = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"))
>>> odessa = Mention("T2", 25, 31, "CITY", link=Link("linked", "Q1874", "Одесса"))
>>> born = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 32),), 0.91)
>>> document = Document(id="anna", text=text, mentions=(anna, odessa), triples=(born,))
>>> print(view(document, labels={"PLACE_OF_BIRTH": "место рождения"}))
anna: 2 mentions, 1 fact
<BLANKLINE>
[Анна Ахматова PERSON Q80440] родилась в [Одессе CITY Q1874].
<BLANKLINE>
  Анна Ахматова (Q80440) — место рождения (P19) → Одессе (Q1874 Одесса) 0.91
    «Анна Ахматова родилась в Одессе.»

A mention's type and identifier stand inside its closing bracket, so nested mentions stay legible. Mentions
that cross, and the parts of a discontinuous one, carry the same raised number at both of their brackets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from relik_ml.types import Document, Mention, Span, Triple
from relik_ml.view.labels import labels as known_labels

Paint = Callable[[str, str], str]
"""Gives a text its colour: (text, SGR parameters such as ``1;32``) to what is written."""

_BOLD, _DIM, _PLAIN = "1", "2", ""
_COLOURS = {"person": "32", "place": "34", "made": "35", "number": "36", "event": "31", "other": "33"}
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_JOINERS = "\u200c\u200d\u00ad"
_GAP = re.compile(r"(\r?\n|[ \t]+)")


class Piece(NamedTuple):
    """A run of text in one colour (SGR parameters; empty for none)."""

    text: str
    colour: str = _PLAIN


class _Part(NamedTuple):
    """A run of text that belongs to a mention: the whole of it, or a fragment. ``number`` is empty unless needed."""

    start: int
    stop: int
    mention: Mention
    last: bool
    number: str = ""


def view(
    document: Document, *, labels: Mapping[str, str] | None = None, paint: Paint | None = None, width: int = 80
) -> str:
    """The readable view of a document, wrapped to ``width`` columns, without a newline at its end.

    ``labels`` names relations in words; ``paint`` is ``plain`` (the default) or ``ansi``. What the document
    holds is made ``printable`` first, so that no text can steer the terminal.
    """
    paint = paint or plain
    lines = [[Piece(printable(document.id), _BOLD), Piece(f": {_counts(document)}", _DIM)], []]
    lines += _wrap(_marked(document), width)
    while len(lines[-1]) < 2 and len(lines) > 2:  # newlines at the end of the text
        lines.pop()
    lines += [[]] * bool(document.triples)
    for triple in document.triples:
        lines += _wrap(_fact(document, triple, labels or {}), width, "  ", "    ")
        if triple.evidence:
            lines += _wrap(_evidence(document, triple.evidence), width, "    ", "    ")
    return "\n".join("".join(paint(text, colour) for text, colour in line) for line in lines)


def plain(text: str, colour: str) -> str:
    """The text without any colour."""
    return text


def ansi(text: str, colour: str) -> str:
    """The text in its colour by ANSI escape sequences.

    >>> ansi("Одесса", "34")
    '\\x1b[34mОдесса\\x1b[0m'
    """
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def printable(text: str) -> str:
    r"""The text with every character that could steer a terminal shown as its escape.

    These are the C0 and C1 controls, bidirectional overrides and other format characters except the
    joiners and the soft hyphen, line and paragraph separators, and lone surrogates.

    >>> print(printable("Пуш\x1b[2Jкин\u202e"))
    Пуш\x1b[2Jкин\u202e
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    steers = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS
    return char.encode("unicode_escape").decode() if steers else char


def _counts(document: Document) -> str:
    mentions, facts = len(document.mentions), len(document.triples)
    return f"{mentions} mention{'s' * (mentions != 1)}, {facts} fact{'s' * (facts != 1)}"


# The text with its mentions


def _marked(document: Document) -> Iterator[Piece]:
    """The text in pieces, with a bracket wherever a mention or a fragment of one starts or stops."""
    waiting = _parts(document)[::-1]
    inside: list[_Part] = []
    position = 0
    for cut in sorted({at for part in waiting for at in (part.start, part.stop)}):
        yield Piece(document.text[position:cut], f"1;{_colour(inside[-1].mention)}" if inside else _PLAIN)
        yield from (_closing(part) for part in reversed(inside) if part.stop == cut)
        inside = [part for part in inside if part.stop != cut]
        while waiting and waiting[-1].start == cut:
            inside.append(waiting.pop())
            yield Piece(f"[{inside[-1].number}", _colour(inside[-1].mention))
        position = cut
    yield Piece(document.text[position:])


def _parts(document: Document) -> list[_Part]:
    """The parts of all mentions, outer before inner, numbered where brackets alone would not tell them apart."""
    parts = [part for mention in document.mentions for part in _fragments(mention)]
    parts.sort(key=lambda part: (part.start, -part.stop))
    unclear = {part.mention.id for part in parts if part.mention.fragments} | _crossing(parts)
    order = dict.fromkeys(part.mention.id for part in parts if part.mention.id in unclear)
    numbers = {id: str(number).translate(_RAISED) for number, id in enumerate(order, 1)}
    return [part._replace(number=numbers.get(part.mention.id, "")) for part in parts]


def _fragments(mention: Mention) -> Iterator[_Part]:
    for start, stop in mention.fragments or (mention.span,):
        yield _Part(start, stop, mention, last=stop == mention.stop)


def _crossing(parts: list[_Part]) -> set[str]:
    """The ids of mentions that overlap another one without either lying inside the other."""
    crossing: set[str] = set()
    inside: list[_Part] = []
    for part in parts:
        inside = [other for other in inside if other.stop > part.start]
        for other in inside:
            if other.stop < part.stop:
                crossing |= {other.mention.id, part.mention.id}
        inside.append(part)
    return crossing


def _closing(part: _Part) -> Piece:
    mention = part.mention
    known = mention.link.id if mention.link.status == "linked" else "NIL" * (mention.link.status == "nil")
    label = " ".join(filter(None, (mention.type, known))) if part.last else ""
    return Piece(f"{' ' * bool(label)}{label}{part.number}]", _colour(mention))


def _colour(mention: Mention) -> str:
    return _COLOURS[known_labels()["families"].get(mention.type, "other")]


# The facts


def _fact(document: Document, triple: Triple, labels: Mapping[str, str]) -> Iterator[Piece]:
    """``subject (id) — relation (property) → object (id label) score``."""
    mentions = {mention.id: mention for mention in document.mentions}
    yield from _argument(document, mentions[triple.subject])
    yield Piece(" — ", _DIM)
    yield Piece(_one_line(labels.get(triple.relation, triple.relation)), _BOLD)
    if triple.property:
        yield Piece(f" ({_one_line(triple.property.id)}{'⁻¹' * triple.property.inverse})", _DIM)
    yield Piece(" → ", _DIM)
    yield from _argument(document, mentions[triple.object])
    if triple.score is not None:
        yield Piece(f" {triple.score:.2f}", _DIM)


def _argument(document: Document, mention: Mention) -> Iterator[Piece]:
    surface, link = _one_line(document.surface(mention)), mention.link
    yield Piece(surface, f"1;{_colour(mention)}")
    if link.status == "linked":
        other_name = link.label if link.label != surface else None
        yield Piece(f" ({_one_line(' '.join(filter(None, (link.id, other_name))))})", _DIM)
    elif link.status == "nil":
        yield Piece(" (NIL)", _DIM)


def _evidence(document: Document, spans: Iterable[Span]) -> Iterator[Piece]:
    sentences = (_one_line(document.text[start:stop]) for start, stop in spans)
    yield Piece(f"«{' … '.join(sentences)}»", _DIM)


def _one_line(text: str) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text).strip(" ")


# Lines of a given width


def _wrap(pieces: Iterable[Piece], width: int, first: str = "", rest: str = "") -> list[list[Piece]]:
    """Pieces in lines of at most ``width`` columns, indented by ``first`` and then ``rest``.

    Lines break at blanks and at the newlines of the text; a word longer than a line keeps one to itself.
    """
    lines, used = [[Piece(first)]], len(first)
    for word, gap in _words(pieces):
        size = sum(_columns(text) for text, _ in word)
        if gap == "\n" or (gap and used > len(rest) and used + 1 + size > width):
            lines.append([Piece(rest)])
            used = len(rest)
        elif gap and len(lines[-1]) > 1:
            lines[-1].append(Piece(" "))
            used += 1
        lines[-1] += word
        used += size
    return lines


def _words(pieces: Iterable[Piece]) -> Iterator[tuple[list[Piece], str]]:
    """Words, each in its pieces, with the gap before it: nothing, a blank or a newline."""
    word: list[Piece] = []
    gap = ""
    for text, colour in pieces:
        for place, chunk in enumerate(_GAP.split(text)):
            if place % 2:
                yield word, gap
                word, gap = [], "\n" if chunk.endswith("\n") else " "
            elif chunk:
                word.append(Piece(printable(chunk), colour))
    yield word, gap


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes: none for combining marks, two for wide characters."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )
