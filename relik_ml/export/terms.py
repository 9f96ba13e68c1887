"""Terms of RDF in N-Triples syntax: IRIs, literals, and dates as Russian text writes them.

>>> print(label('дом "Мир"'), label("Odessa"), value_term(Value("date", "", "1961-04")))
"дом \\"Мир\\""@ru "Odessa"@en "1961-04"^^<http://www.w3.org/2001/XMLSchema#gYearMonth>
"""

import re
from datetime import date

from relik_ml.export.iris import XSD
from relik_ml.types import Value

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_LATIN = re.compile("[a-z]", re.IGNORECASE)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_STEMS = (
    "январ", "феврал", "март", "апрел", "ма(?=[йяею])", "июн", "июл", "август", "сентябр", "октябр", "ноябр", "декабр",
)  # fmt: skip
_MONTH = "|".join(f"(?P<m{number}>{stem})" for number, stem in enumerate(_STEMS, 1))
_WORDS = re.compile(rf"(?:(?P<day>\d{{1,2}})(?:-го)?\s+)?(?:{_MONTH})[а-яё]*\s+(?P<year>\d{{4}})\b", re.IGNORECASE)
_NUMBERS = re.compile(r"\b(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>\d{4})\b")
_ISO = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b")
_YEAR = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")
_INEXACT = re.compile(
    r"\b(?:до|после|около|раньше|позже|ранее|позднее|век\w*|год(?:ов|ах|ы))\b|\d-[еxх]", re.IGNORECASE
)


def iri(text: str) -> str:
    """An IRI as a term. It must be a valid one, as all of ``Iris`` are."""
    return f"<{text}>"


def literal(text: str, datatype: str = "") -> str:
    """A literal as a term. Only what must be escaped is, so that SPARQL reads the same term."""
    return f'"{text.translate(_ESCAPES)}"' + (f"^^<{datatype}>" if datatype else "")


def label(text: str) -> str:
    """A name as a literal in the language that its letters show: Russian, English or none."""
    language = "@ru" if _CYRILLIC.search(text) else "@en" if _LATIN.search(text) else ""
    return literal(text) + language


def value_term(value: Value) -> str:
    """The literal of a value: ``xsd:gYear``, ``gYearMonth`` or ``date``, ``xsd:decimal``, or else a string.

    >>> dates = ("1941", "1941-06", "1941-06-22", "1941-06-31")
    >>> [value_term(Value("date", "", text)).partition("#")[2] for text in dates]
    ['gYear>', 'gYearMonth>', 'date>', '']
    """
    text = value.value
    if (found := _DATE.fullmatch(text)) and _exists(text):
        return literal(text, XSD + ("date" if found[2] else "gYearMonth" if found[1] else "gYear"))
    if value.datatype == "decimal" and _NUMBER.fullmatch(text):
        return literal(text.removeprefix("+"), XSD + "decimal")
    return literal(text)


def read_date(surface: str) -> Value | None:
    """The date that a text of digits and Russian months names; None for what has no year, or is a range.

    >>> texts = ("12 апреля 1961 года", "в мае 2017 года", "летом 2024", "06.03.1937", "вчера", "с 2000 по 2018 год")
    >>> [found and (found.value, found.precision) for found in map(read_date, texts)]
    [('1961-04-12', 'day'), ('2017-05', 'month'), ('2024', 'year'), ('1937-03-06', 'day'), None, None]
    """
    if len(surface) > 100 or len(_YEAR.findall(surface)) != 1 or _INEXACT.search(surface):
        return None
    for pattern in (_WORDS, _NUMBERS, _ISO):
        if found := pattern.search(surface):
            parts = found.groupdict()
            month = parts.get("month") or next(n for n in range(1, 13) if parts.get(f"m{n}"))
            return _value(surface, int(parts["year"]), int(month), parts["day"])
    year = _YEAR.findall(surface)[0]
    return Value("date", surface, year, "year")


def _value(surface: str, year: int, month: int, day: str | None) -> Value | None:
    try:
        found = date(year, month, int(day or 1))
    except ValueError:  # 31 June
        return None
    return Value("date", surface, found.isoformat() if day else found.isoformat()[:7], "day" if day else "month")


def _exists(day: str) -> bool:
    """Whether an ISO date, of any precision, is in the calendar."""
    try:
        date.fromisoformat(f"{day}-01-01"[:10] if len(day) < 10 else day)
    except ValueError:
        return False
    return True
