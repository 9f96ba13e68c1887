"""A document as text for a terminal: the text with its mentions in brackets, then the facts.

>>> from relik_ml.types import Document, Link, Mention, Property, Span, Triple
>>> text = "Анна Ахматова родилась в Одессе."
>>> anna = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"))
>>> odessa = Mention("T2", 25, 31, "CITY", link=Link("linked", "Q1874", "Одесса"))
>>> born = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 32),), 0.91)
>>> document = Document(id="anna", text=text, mentions=(anna, odessa), triples=(born,))
>>> print(render(document, labels={"PLACE_OF_BIRTH": "место рождения"}))
anna: 2 mentions, 1 fact
<BLANKLINE>
[Анна Ахматова PERSON Q80440] родилась в [Одессе CITY Q1874].
<BLANKLINE>
  Анна Ахматова (Q80440) — место рождения (P19) → Одессе (Q1874 Одесса) 0.91
    «Анна Ахматова родилась в Одессе.»

The type and id of a mention are inside its closing bracket, so that nested mentions are readable. Crossing mentions,
and the fragments of a discontinuous one, have the same superscript number at both brackets.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from relik_ml.data import crossings
from relik_ml.facts import HIDDEN
from relik_ml.types import Argument, Document, Fact, Mention
from relik_ml.view.labels import labels as known_labels

if TYPE_CHECKING:
    from rich.text import Text

NIL = "not in this index"
_STYLES = {"person": "green", "place": "blue", "made": "magenta", "number": "cyan", "event": "red", "other": "yellow"}
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_JOINERS = "\u200c\u200d\u00ad"

Piece = tuple[str, str]
"""A text and its style in rich."""


class _Part(NamedTuple):
    """The span of a mention or of one of its fragments. ``number`` is empty unless it is needed."""

    start: int
    stop: int
    mention: Mention
    last: bool
    number: str = ""


def render(
    document: Document, *, labels: Mapping[str, str] | None = None, color: bool = False, width: int = 80,
    hidden: bool = False,
) -> str:  # fmt: skip
    """The text view of a document, wrapped to ``width`` columns, without a final newline.

    ``labels`` are names of relations. ``hidden`` adds the facts that views hide (see ``Document.facts``).
    With ``color`` the view has ANSI escape sequences. Control characters of the document are escaped (``printable``).
    """
    from rich.console import Console
    from rich.text import Text

    lines = [Text.assemble((printable(document.id), "bold"), (f": {_counts(document, hidden)}", "dim")), Text()]
    lines += _wrapped(((printable(text, keep="\n\t"), style) for text, style in _marked(document)), width)
    facts = document.facts(hidden=hidden)
    lines += [Text()] * bool(facts)
    for fact in facts:
        lines += _wrapped(_fact(fact, labels or {}), width, "  ", "    ")
        lines += _wrapped([(f"«{_one_line(fact.sentence)}»", "dim")], width, "    ", "    ") if fact.sentence else ()
    system: Literal["standard"] | None = "standard" if color else None
    console = Console(file=io.StringIO(), color_system=system, force_terminal=color, no_color=not color)
    with console.capture() as captured:
        console.print(Text("\n").join(lines), soft_wrap=True, end="")
    return captured.get()


def _wrapped(pieces: Iterable[Piece], width: int, first: str = "", rest: str = "") -> Iterator[Text]:
    """The lines of a text, indented by ``first`` and then ``rest``. Long words are not broken."""
    from rich.text import Text

    text = Text.assemble(*pieces)
    text.rstrip()
    indent = first
    for paragraph in text.split("\n", allow_blank=True):
        for line in paragraph.divide(_breaks(paragraph.plain, width, len(indent), len(rest))):
            line.rstrip()
            yield Text(indent).append_text(line)
            indent = rest


def _breaks(paragraph: str, width: int, used: int, rest: int) -> Iterator[int]:
    """The offsets of line breaks, with an indent of ``used`` columns in the first line and ``rest`` in the others.

    Words are separated by blanks and tabs, not by no-break spaces.
    """
    from rich.cells import cell_len

    empty, stop = True, 0
    for word in re.finditer(r"[^ \t]+", paragraph):
        size = cell_len(word[0])
        used += word.start() - stop + size
        stop = word.end()
        if used > width and not empty:
            yield word.start()
            used = rest + size
        empty = False


def printable(text: str, keep: str = "") -> str:
    r"""Escape every character that could control a terminal, unless it is in ``keep``.

    These are C0 and C1 controls, bidirectional overrides and other format characters except joiners and the soft
    hyphen, line and paragraph separators, and lone surrogates.

    >>> print(printable("Пуш\x1b[2Jкин\u202e"))
    Пуш\x1b[2Jкин\u202e
    """
    if text.isprintable():
        return text
    return "".join(char.encode("unicode_escape").decode() if _steers(char, keep) else char for char in text)


def _steers(char: str, keep: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS + keep


def _counts(document: Document, hidden: bool) -> str:
    mentions, facts = len(document.mentions), document.facts(hidden=True)
    left_out = Counter(fact.kind for fact in facts if fact.kind in HIDDEN and not hidden)
    shown = len(facts) - left_out.total()
    counts = f"{mentions} mention{'s' * (mentions != 1)}, {shown} fact{'s' * (shown != 1)}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in left_out.items())
    return f"{counts}, {left_out.total()} hidden ({kinds})" if kinds else counts


# The text with its mentions


def _marked(document: Document) -> Iterator[Piece]:
    """The text in styled pieces, with a bracket wherever a mention or fragment starts or stops."""
    waiting = _parts(document)[::-1]
    inside: list[_Part] = []
    position = 0
    for cut in sorted({offset for part in waiting for offset in (part.start, part.stop)} | {len(document.text)}):
        text = document.text[position:cut].replace("\r\n", "\n")
        yield text, f"bold {_style(inside[-1].mention.type)}" if inside else ""
        yield from (_closing(part) for part in reversed(inside) if part.stop == cut)
        inside = [part for part in inside if part.stop != cut]
        while waiting and waiting[-1].start == cut:
            inside.append(waiting.pop())
            yield f"[{inside[-1].number}", _style(inside[-1].mention.type)
        position = cut


def _parts(document: Document) -> list[_Part]:
    """The parts of all mentions, outer before inner, numbered where brackets alone are ambiguous."""
    parts = [
        _Part(start, stop, mention, last=stop == mention.stop)
        for mention in document.mentions
        for start, stop in mention.fragments or (mention.span,)
    ]
    parts.sort(key=lambda part: (part.start, -part.stop))
    unclear = {part.mention.id for part in parts if part.mention.fragments}
    unclear |= {parts[at].mention.id for pair in crossings([part[:2] for part in parts]) for at in pair}
    order = dict.fromkeys(part.mention.id for part in parts if part.mention.id in unclear)
    numbers = {id: str(number).translate(_RAISED) for number, id in enumerate(order, 1)}
    return [part._replace(number=numbers.get(part.mention.id, "")) for part in parts]


def _closing(part: _Part) -> Piece:
    mention = part.mention
    known = mention.link.id if mention.link.status == "linked" else NIL * (mention.link.status == "nil")
    label = _one_line(" ".join(filter(None, (mention.type, known)))) if part.last else ""
    return f"{' ' * bool(label)}{label}{part.number}]", _style(mention.type)


def _style(type: str) -> str:
    return _STYLES[known_labels()["families"].get(type, "other")]


# The facts


def _fact(fact: Fact, labels: Mapping[str, str]) -> Iterator[Piece]:
    """``subject (id) — relation (property) → object (id label) score kind``."""
    yield from _argument(fact.subject)
    yield " — ", "dim"
    yield _one_line(labels.get(fact.relation, fact.relation)), "bold"
    if fact.property:
        yield f" ({_one_line(fact.property.id)}{'⁻¹' * fact.property.inverse})", "dim"
    yield " → ", "dim"
    yield from _argument(fact.object)
    if fact.score is not None:
        yield f" {fact.score:.2f}", "dim"
    if fact.kind != "stated":
        yield f" {fact.kind}", "dim"


def _argument(argument: Argument) -> Iterator[Piece]:
    """The text of the mention with what it is linked to; of a NIL mention the name in the nominative."""
    nil, text, name = argument.status == "nil", _one_line(argument.text), _one_line(argument.name)
    yield name if nil else text, f"bold {_style(argument.type)}"
    if argument.status == "linked":
        yield f" ({' '.join(filter(None, (_one_line(argument.id or ''), name if name != text else None)))})", "dim"
    elif nil:
        yield f" ({NIL})", "dim"


def _one_line(text: str) -> str:
    return printable(re.sub(r"[ \t\r\n]+", " ", text).strip(" "))
