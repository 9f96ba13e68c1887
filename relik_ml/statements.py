"""Whether a sentence states a fact, or denies, supposes or reports it: a table of markers, each with its scope.

>>> text = "Песков заявил, что Орлов родился в Туле, а не в Орле."
>>> orlov, tula, orel = (19, 24), (35, 39), (48, 52)
>>> statement(text, orlov, tula, [(0, 53)]), statement(text, orlov, orel, [(0, 53)])
('quoted', 'negated')

A marker governs a fact if its scope reaches the later one of the two arguments, where Russian has the predicate.
What a noun phrase tells is stated, whatever its clause does: «министр Орлов не приехал» denies no office.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

Statement = Literal["stated", "hypothetical", "quoted", "negated"]
Scope = Literal["argument", "clause", "after", "others", "sentence"]
Span = tuple[int, int]

OF_PERSONS = frozenset({"AGE_IS", "IDEOLOGY_OF", "MEMBER_OF", "ORIGINS_FROM", "WORKPLACE", "WORKS_AS"})
"""Relations of NEREL that a noun phrase tells by an attribute: «министр транспорта Орлов», «Орлов из Тулы»."""
OF_THINGS = frozenset({
    "ABBREVIATION", "ALTERNATIVE_NAME", "HEADQUARTERED_IN", "LOCATED_IN", "PART_OF", "SUBORDINATE_OF",
})  # fmt: skip
"""Those that it also tells by a place: «посольство Франции в Москве»."""


def _words(words: str) -> str:
    """A pattern of phrases that are separated by commas; ``*`` stands for any ending."""
    phrases = (re.escape(phrase.strip()).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for phrase in words.split(","))
    return rf"\b(?:{'|'.join(phrases)})\b"


_SPEECH = _words(
    "говор*, сказа*, рассказ*, заяв*, сообщ*, утвержд*, отмет*, отмеча*, подчеркн*, подчеркива*, пишет, пишут, писал*, "
    "написал*, счита*, полага*, уверен, уверена, уверены, уверя*, добавил*, добавля*, пояснил*, поясня*, объясн*, "
    "вспомина*, вспомнил*, признал*, признаёт*, признает*, признался, передаёт, передает, передают, уточнил*, уточня*, "
    "указал*, указыва*, гласит, ответил*, отвеча*, думает, думают, напомнил*, напомина*, заверил*, заверя*, настаива*, "
    "предупрежда*, предупредил*, цитирует, цитируют, воскликнул*, спросил*, пошутил*, доложил*, информирует, убеждён*, "
    "объявил*, показал*"
)


class Marker(NamedTuple):
    """Words that change how a fact is put, and what they govern.

    ``argument``: what follows directly; ``clause``: the clause that they are in; ``after``: the rest of the sentence;
    ``others``: the other clauses of the sentence.
    """

    statement: Statement
    scope: Scope
    pattern: str
    """A regular expression, compiled on first use."""


MARKERS = (
    Marker("negated", "argument", _words("не, ни, без, кроме, вместо, помимо, за исключением, за пределами")),
    Marker("negated", "clause", _words(
        "не, нет, никакой, отказал*, отказыва*, отменил*, отменен*, отменён*, отменят, отложил*, отложен*, сорвал*, "
        "избежал*, избежит, отверг*, отклонил*, пропустил*, пропустит, проигнорировал*, провалил*, опроверг*, отрица*"
    )),
    Marker("negated", "after", _words("опроверг*, отрица*") + r"[^.!?]*?,\s+(?:что|будто)\b"),
    Marker("hypothetical", "clause", _words(
        "бы, б, может, могут, мог, могла, могло, могли, планиру*, планировал*, намерен*, намерева*, собирается, "
        "собираются, собирал*, хочет, хотят, хотел*, обеща*, предложил*, предлага*, призва*, призыва*, надеется, "
        "надеются, рассчитыва*, должен, должна, должно, должны, готов, готова, готовы, готовится, прочат, ждут, "
        "ожида*, мечта*, претенд*, пытается, пытал*, грозит, подозрева*, обвиня*, пригласил*, приглашен*, приглашён*, "
        "разрешил*, обсужда*, рассматрива*, кандидат*, номинирован*, выдвинут*, думает"
    )),
    Marker("hypothetical", "after", _words(
        "чтобы, мечта*, предложил*, предлага*, призва*, призыва*, ожида*, допуска*, надеется, надеются"
    )),
    Marker("hypothetical", "sentence", _words(
        "если, будь, возможно, вероятно, вероятност*, наверное, наверно, видимо, по-видимому, предположительно, "
        "якобы, не исключен*, не исключён*, не исключа*, не исключил*, вряд ли, едва ли, похоже, допустим, ли, "
        "предположим, представим, скорее всего, кажется, в случае, при условии, по слухам, маловероятно, предполага*, "
        "неизвестно, разве"
    )),
    Marker("hypothetical", "sentence", r",\s*может(?: быть)?\b"),
    Marker("quoted", "after", _SPEECH + r"[^.!?;]*?,\s+(?:что|будто|как)\b"),
    Marker("quoted", "after", _SPEECH + r"[,:]\s|\bисточник\w*[^.,]*:\s|\bслух\w*, (?:что|будто)\b"),
    Marker("quoted", "others", r"\bпо\s+(?:\w+\s+)?" + _words(
        "словам, данным, информации, сведениям, мнению, версии, утверждению, заявлению, сообщению, сообщениям, оценке, "
        "оценкам, свидетельству, свидетельствам, преданию, легенде, воспоминаниям"
    )),
    Marker("quoted", "others", _words("согласно, судя по, со слов, со ссылкой на, следует из, говорится в")),
    Marker("quoted", "others", rf"(?:\A|[,»”\"])[\s—–-]*(?:(?:как|об этом|о чём|о чем|и)\s+)*{_SPEECH}"),
)  # fmt: skip

_NOT_DENIED = r"\bесли\b[^,]*\bне\b|" + _words(
    "не только, не менее, не более, не меньше, не больше, не раз, не исключ*, не сразу, не раньше, не позднее, "
    "не позже, не мог не, не могла не, не могли не, не просто, не скрыва*, тем не менее, чуть ли не, едва ли не, "
    "не случайно, не зря, не впервые, не сомнева*, не отрица*, если не ошиб*"
)  # fmt: skip
"""Phrases whose «не» denies nothing."""
_TO_ARGUMENT = re.compile(r"\s+(?:(?:в|во|к|ко|с|со|о|об|у|из|на|от|до|при|под|за|для)\s+)?[«\"„“(]*")
_SEPARATOR = re.compile(r"[,;:()]")
_LIST_ITEM = re.compile(
    r"\s(?!(?:а|но|зато|однако)\b)(?:\w{1,3}\s+)?[«\"]?[А-ЯЁA-Z][\w-]*[»\"]?(?:\s+и(?:\s+\w{1,2})?\s+[А-ЯЁA-Z]\S*)?[.!?]?"
)
_QUOTE = re.compile(r"«[^«»]*(?:«[^«»]*»[^«»]*)*»|„[^„“]*“|“[^“”]*”|\"[^\"]*\"")
_QUOTED_WORDS = 4
"""A shorter quotation is a name or a title."""
_ATTRIBUTE = re.compile(r"\s*(?:[,(]|из\b|от\b|при\b)")
_PREDICATE = re.compile(
    r"[—–:;!?]|\bне\b|"
    r"\b(?!(?:университет|институт|комитет|совет|кабинет|факультет|отдел|канал|филиал|журнал|генерал)\b)[а-яё]{2,}"
    r"(?:л|ла|ло|ли|лся|лась|лись|ет|ёт|ит|ют|ут|ат|ят|тся|ть|ться|ен|ена|ены|ан|ана|аны|ся)\b"
)


def statement(text: str, subject: Span, object: Span, evidence: Sequence[Span] = (), relation: str = "") -> Statement:
    """How the text puts a fact between the mentions at two spans: stated, or the strongest of the marks on it."""
    if is_noun_phrase(text, subject, object, relation):
        return "stated"
    first, later = sorted([subject, object])
    begin, end = next(((start, stop) for start, stop in evidence if start <= later[0] < stop), (first[0], later[1]))
    arguments = [range(start - begin, stop - begin) for start, stop in (first, later)]
    together = begin <= first[0]  # of two sentences it is unclear which predicate relates them
    marks = {
        mark
        for mark, scope, found, zone in _zones(text[begin:end])
        for argument in (arguments if scope == "argument" else arguments[1:] * together)
        if argument.start in zone and not any(each.start < found.stop and found.start < each.stop for each in arguments)
    }
    order: tuple[Statement, ...] = ("negated", "hypothetical", "quoted")
    return next((mark for mark in order if mark in marks), "stated")


def is_noun_phrase(text: str, subject: Span, object: Span, relation: str) -> bool:
    """Whether a noun phrase tells the relation: there is no predicate between its arguments, and they are in its order.

    >>> is_noun_phrase("министр транспорта Орлов", (19, 24), (0, 7), "WORKS_AS")
    True
    >>> is_noun_phrase("Орлов министром не стал", (0, 5), (6, 15), "WORKS_AS")
    False
    """
    gap = text[min(subject[1], object[1]) : max(subject[0], object[0])]
    if gap.count(",") > 1 or _PREDICATE.search(gap):
        return False
    return relation in OF_THINGS or (relation in OF_PERSONS and (object < subject or bool(_ATTRIBUTE.match(gap))))


@lru_cache(maxsize=1024)
def _zones(sentence: str) -> list[tuple[Statement, Scope, range, range]]:
    """The markers in a sentence, each with where it is and a range that it governs."""
    clauses = list(_clauses(sentence))
    plain = re.sub(_NOT_DENIED, lambda found: "_" * len(found[0]), sentence, flags=re.IGNORECASE)
    zones: list[tuple[Statement, Scope, range, range]] = [
        (marker.statement, marker.scope, range(*found.span()), zone)
        for marker in MARKERS
        for found in re.finditer(marker.pattern, plain if marker.statement == "negated" else sentence, re.IGNORECASE)
        for zone in _governed(marker.scope, found.end(), sentence, clauses)
    ]
    said = (range(*quote.span()) for quote in _QUOTE.finditer(sentence) if len(quote[0].split()) >= _QUOTED_WORDS)
    return zones + [("quoted", "clause", quote[:1], quote) for quote in said]


def _governed(scope: Scope, stop: int, sentence: str, clauses: Sequence[range]) -> list[range]:
    end = len(sentence)
    if scope == "argument":
        return [range(way.end(), way.end() + 1)] if (way := _TO_ARGUMENT.match(sentence, stop)) else []
    if scope in ("after", "sentence"):
        return [range(stop if scope == "after" else 0, end)]
    home = next(clause for clause in clauses if stop <= clause.stop)
    return [home] if scope == "clause" else [range(home.start), range(home.stop, end)]


def _clauses(sentence: str) -> Iterator[range]:
    """The sentence cut at its punctuation. The items of a list are in the clause that begins it."""
    cuts = [found.start() for found in _SEPARATOR.finditer(sentence)]
    start = 0
    for cut, end in zip(cuts, [*cuts, len(sentence)][1:], strict=True):
        if not _LIST_ITEM.fullmatch(sentence, cut + 1, end):
            yield range(start, cut)
            start = cut
    yield range(start, len(sentence))
