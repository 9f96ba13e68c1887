"""A document as text for a terminal: the text with its mentions in brackets, then the facts; a summary if it is long.

>>> from relik_ml.types import Document, Link, Mention, Property, Span, Triple
>>> text = "Анна Ахматова родилась в Одессе."
>>> anna = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"))
>>> odessa = Mention("T2", 25, 31, "CITY", link=Link("linked", "Q1874", "Одесса"))
>>> born = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 32),), 0.91)
>>> document = Document(id="anna", text=text, mentions=(anna, odessa), triples=(born,))
>>> print(render(document))
anna: 2 упоминания, 1 факт
<BLANKLINE>
[Анна Ахматова · человек Q80440] родилась в [Одессе · город Q1874].
<BLANKLINE>
  Анна Ахматова (Q80440) — место рождения (P19) → Одессе (Q1874 Одесса) 0.91
    «Анна Ахматова родилась в Одессе.»

The type and id of a mention are inside its closing bracket, so that nested mentions are readable. Crossing mentions,
and the fragments of a discontinuous one, have the same superscript number at both brackets. The view is in Russian for
Russian texts and in English for others.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from relik_ml.data import crossings
from relik_ml.export import graph
from relik_ml.facts import HIDDEN
from relik_ml.types import Argument, Document, Fact, Mention
from relik_ml.view.labels import labels, named

if TYPE_CHECKING:
    from rich.text import Text

LONG = 250
"""Words from which the view of a text is a summary."""
SHOWN = 10
"""Facts in a summary, and entities of a type."""
SENTENCE = 240
"""Characters of a sentence in a summary."""

_WORDS = {
    "nil": ("нет в индексе", "not in this index"),
    "hidden": ("скрыто", "hidden"),
    "entities": ("Упомянуто", "Mentioned"),
    "facts": ("Главные факты", "Main facts"),
    "of": ("из", "of"),
    "more": ("ещё", "more:"),
    "summary": ("кратко; целиком: --full", "summary; in full: --full"),
    "word": ("слово", "слова", "слов", "word", "words"),
    "mention": ("упоминание", "упоминания", "упоминаний", "mention", "mentions"),
    "fact": ("факт", "факта", "фактов", "fact", "facts"),
}
_LEGEND = {
    "·": ("[Одессе · город Q1874]: упоминание, его тип и объект Викиданных; «нет в индексе»: в этом индексе такого "
          "объекта нет, хотя он может существовать",
          "[Odessa · city Q1874]: a mention, its type and Wikidata item; 'not in this index': the item may exist, but "
          "this index lacks it"),
    "×": ("Москва Q649 ×7: объект Викиданных и число упоминаний; без номера: нет в индексе или это не имя",
          "Moscow Q649 ×7: a Wikidata item and its mentions; without a number: not in this index, or no name"),
    "¹": ("[¹Иван¹] и [Мария [¹Петровы · человек¹] · человек]: части с одним номером образуют одно упоминание",
          "[¹John¹] and [Mary [¹Smith · person¹] · person]: parts with the same number are one mention"),
    "→": ("А — отношение (P19) → Б 0.95: факт, свойство Викиданных, уверенность",
          "A — relation (P19) → B 0.95: a fact, its Wikidata property and score"),
    "⁻": ("⁻¹: свойство ведёт от Б к А", "⁻¹: the property runs from B to A"),
}  # fmt: skip
"""What a sign means, in Russian and English."""
_FAMILIES = {
    "person": ("люди", "people"), "place": ("места", "places"), "made": ("организации, труды", "organisations, works"),
    "number": ("даты, числа", "dates, numbers"), "event": ("события", "events"), "other": ("прочее", "other"),
}  # fmt: skip
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
    document: Document, *, color: bool = False, width: int = 80, hidden: bool = False, full: bool = False
) -> str:
    """The text view of a document, wrapped to ``width`` columns, without a final newline.

    A text of ``LONG`` words or more is summed up: what it mentions by type, and its main facts; ``full`` shows the text
    and all facts. ``hidden`` adds the facts that views hide (see ``Document.facts``). With ``color`` the view has ANSI
    escape sequences. Control characters of the document are escaped (``printable``).
    """
    from rich.text import Text

    facts, words = document.facts(hidden=hidden), len(document.text.split())
    short = words >= LONG and not full
    heading = f": {_counts(document, hidden, words if short else 0)}"
    lines = [*_wrapped([(printable(document.id), "bold"), (heading, "dim")], width, rest="  "), Text()]
    if short:
        lines += _summary(document, facts, width)
    else:
        lines += _wrapped(((printable(text, keep="\n\t"), style) for text, style in _marked(document)), width)
        lines += [Text()] * bool(facts)
        lines += _by_sentence(facts, document.lang, width)
    return _encoded(lines, color)


def legend(shown: Container[str], lang: str, color: bool = False, width: int = 80) -> str:
    """What the signs that are ``shown`` and the colours mean, in Russian for ``ru``, otherwise in English."""
    lines: list[list[Piece]] = [[(texts[lang != "ru"], "dim")] for sign, texts in _LEGEND.items() if sign in shown]
    if color and lines:
        names = [(names[lang != "ru"], _STYLES[family]) for family, names in _FAMILIES.items()]
        lines.append([piece for name in names for piece in ((" · ", "dim"), name)][1:])
    return _encoded([line for pieces in lines for line in _wrapped(pieces, width, rest="  ")], color)


def _encoded(lines: Iterable[Text], color: bool) -> str:
    from rich.console import Console
    from rich.text import Text

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


def _word(name: str, lang: str) -> str:
    return _WORDS[name][lang != "ru"]


def _many(count: int, noun: str, lang: str) -> str:
    """A number with its noun.

    >>> [_many(count, "fact", "ru") for count in (1, 3, 12, 21)], _many(1, "fact", "en"), _many(0, "fact", "en")
    (['1 факт', '3 факта', '12 фактов', '21 факт'], '1 fact', '0 facts')
    """
    if lang != "ru":
        form = 3 if count == 1 else 4
    elif count % 100 in range(11, 15) or count % 10 not in range(1, 5):
        form = 2
    else:
        form = int(count % 10 > 1)
    return f"{count} {_WORDS[noun][form]}"


def _counts(document: Document, hidden: bool, words: int) -> str:
    """Counts of words (unless 0), mentions and facts, and of the facts that are hidden, by kind."""
    lang, facts = document.lang, document.facts(hidden=True)
    left_out = Counter(fact.kind for fact in facts if fact.kind in HIDDEN and not hidden)
    sizes = [("word", words)] * bool(words) + [("mention", len(document.mentions))]
    counts = [_many(count, noun, lang) for noun, count in [*sizes, ("fact", len(facts) - left_out.total())]]
    if kinds := ", ".join(f"{named('kinds', kind, lang)} {count}" for kind, count in left_out.items()):
        counts.append(f"{_word('hidden', lang)} {left_out.total()} ({kinds})")
    return ", ".join(counts) + f" ({_word('summary', lang)})" * bool(words)


# The text with its mentions


def _marked(document: Document) -> Iterator[Piece]:
    """The text in styled pieces, with a bracket wherever a mention or fragment starts or stops."""
    waiting = _parts(document)[::-1]
    inside: list[_Part] = []
    position = 0
    for cut in sorted({offset for part in waiting for offset in (part.start, part.stop)} | {len(document.text)}):
        text = document.text[position:cut].replace("\r\n", "\n")
        yield text, f"bold {_style(inside[-1].mention.type)}" if inside else ""
        yield from (_closing(part, document.lang) for part in reversed(inside) if part.stop == cut)
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


def _closing(part: _Part, lang: str) -> Piece:
    mention, label = part.mention, ""
    if part.last:
        known = {"linked": f" {mention.link.id}", "nil": f", {_word('nil', lang)}"}.get(mention.link.status, "")
        label = f" · {_one_line(named('types', mention.type, lang) + known)}"
    return f"{label}{part.number}]", _style(mention.type)


def _style(type: str) -> str:
    return _STYLES[labels()["families"].get(type, "other")]


# The facts


def _by_sentence(facts: Sequence[Fact], lang: str, width: int) -> Iterator[Text]:
    """The facts in their order, those of one sentence together, followed by the sentence."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.sentence, []).append(fact)
    for sentence, told in found.items():
        for fact in told:
            yield from _wrapped(_fact(fact, lang), width, "  ", "    ")
        if sentence:
            yield from _wrapped([(f"«{_one_line(sentence)}»", "dim")], width, "    ", "    ")


def _fact(fact: Fact, lang: str) -> Iterator[Piece]:
    """``subject (id) — relation (property) → object (id label) score kind``."""
    yield from _argument(fact.subject, lang)
    yield " — ", "dim"
    yield _one_line(named("relations", fact.relation, lang)), "bold"
    if fact.property:
        yield f" ({_one_line(fact.property.id)}{'⁻¹' * fact.property.inverse})", "dim"
    yield " → ", "dim"
    yield from _argument(fact.object, lang)
    if fact.score is not None:
        yield f" {fact.score:.2f}", "dim"
    if fact.kind != "stated":
        yield f" {named('kinds', fact.kind, lang)}", "dim"


def _argument(argument: Argument, lang: str) -> Iterator[Piece]:
    """The text of the mention with what it is linked to; of a NIL mention the name in the nominative."""
    nil, text, name = argument.status == "nil", _one_line(argument.text), _one_line(argument.name)
    yield name if nil else text, f"bold {_style(argument.type)}"
    if argument.status == "linked":
        yield f" ({' '.join(filter(None, (_one_line(argument.id or ''), name if name != text else None)))})", "dim"
    elif nil:
        yield f" ({_word('nil', lang)})", "dim"


# The summary


def _summary(document: Document, facts: Sequence[Fact], width: int) -> Iterator[Text]:
    """What the document mentions, type by type, and its main facts, each from another sentence."""
    from rich.text import Text

    lang = document.lang
    yield Text(_word("entities", lang), "bold")
    for type, entities in _entities(document):
        yield from _wrapped(_type(type, entities, lang), width, "  ", "    ")
    main: dict[str, Fact] = {}
    for fact in facts:
        main.setdefault(fact.sentence or str(fact), fact)
    best = [fact._replace(sentence=_shortened(fact)) for fact in [*main.values()][:SHOWN]]
    if best:
        yield Text()
        yield Text.assemble((_word("facts", lang), "bold"), (f" ({len(best)} {_word('of', lang)} {len(facts)})", "dim"))
        yield from _by_sentence(best, lang, width)


def _entities(document: Document) -> list[tuple[str, Counter[tuple[str, str]]]]:
    """By type the names and ids of what is mentioned, with the number of mentions. Dates and numbers come last."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    for node in graph([document]).nodes:
        found.setdefault(node.type, Counter())[node.label, node.link or ""] += len(node.mentions)
    return sorted(found.items(), key=lambda each: (labels()["families"].get(each[0]) == "number", -each[1].total()))


def _type(type: str, entities: Counter[tuple[str, str]], lang: str) -> Iterator[Piece]:
    """``type 3: name id ×2, name, more 1``."""
    yield f"{_one_line(named('types', type, lang))} {len(entities)}", "dim"
    for number, ((name, id), count) in enumerate(entities.most_common(SHOWN)):
        yield ", " if number else ": ", "dim"
        yield _one_line(name), f"bold {_style(type)}"
        yield f" {_one_line(id)}" * bool(id) + f" ×{count}" * (count > 1), "dim"
    if len(entities) > SHOWN:
        yield f", {_word('more', lang)} {len(entities) - SHOWN}", "dim"


def _shortened(fact: Fact) -> str:
    """About ``SENTENCE`` characters of the sentence: from its start, or else from the first argument."""
    text = _one_line(fact.sentence)
    if len(text) <= SENTENCE:
        return text
    found = [(at, at + len(name)) for name in map(_one_line, (fact.subject.text, fact.object.text))
             if (at := text.find(name)) >= 0]  # fmt: skip
    start = min(found)[0] if found and max(stop for _, stop in found) > SENTENCE else 0
    part = text[start : start + SENTENCE]
    if start + SENTENCE < len(text):
        part = part.rpartition(" ")[0] + " …"
    return "… " * (start > 0) + part


def _one_line(text: str) -> str:
    return printable(re.sub(r"[ \t\r\n]+", " ", text).strip(" "))
