"""Dates and numbers of Wikipedia corpora, read from their surfaces instead of their linked values.

REBEL, RED-FM and SRED-FM write a literal as ``value^^type``. Their linker turned bare years into 1 January, and every
comma of a number into a decimal point in all languages. This module undoes both: ``Value.value`` is not more precise
than the surface, and ``Value.precision`` states the precision.

>>> read_literal("1913-01-01T00:00:00Z^^http://www.w3.org/2001/XMLSchema#dateTime", "1913", "ru")
Literal(value=Value(datatype='dateTime', raw='1913', value='1913', precision='year'), repair='...')
>>> read_literal("+204.000^^http://www.w3.org/2001/XMLSchema#decimal", "204,000", "en").value.value
'+204000'
>>> read_literal("+204.000^^http://www.w3.org/2001/XMLSchema#decimal", "204,000", "ru").value.value
'+204.000'
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from relik_ml.types import Value

CUT = "date more precise than its surface: cut to what the surface says"
UNSTATED = "date whose year is not on its surface: kept as it is"
THOUSANDS = "thousands mark read as a decimal mark: undone"
HYPHEN = "hyphen read as a minus: undone"
NUMBER = "number misread: the surface's taken"
UNREADABLE = "literal that cannot be read: kept as it is"

_DATE = re.compile(r"([+-]?)(\d{4,9})-(\d\d)-(\d\d)(?:T[\d:.]+Z?)?")
_JANUARY = re.compile(r"jan|jän|янв|gen|ene|січ|يناير|كانون الثاني|stycz|led|ιαν|oca|tháng một|जनवरी", re.IGNORECASE)
_BLANKS = " \u00a0\u202f\u2009'’"
_DECIMAL_COMMA = re.compile("ca|cs|da|de|el|es|fi|fr|hu|it|nl|no|pl|pt|ro|ru|sv|tr|uk|vi")
_POINT_GROUPS = re.compile("ca|da|de|el|es|it|nl|no|pt|ro|tr|vi")
_SIGNED = re.compile(r"([+-]?)0*(\d.*)", re.ASCII)
_PLAIN = re.compile(r"(\d+)(?:[.,](\d+))?", re.ASCII)


class Literal(NamedTuple):
    """A value, and the defect that was found or repaired in it, or an empty string."""

    value: Value
    repair: str = ""


def is_literal(uri: str) -> bool:
    """Whether a link is a literal, not an item.

    >>> is_literal("+4^^http://www.w3.org/2001/XMLSchema#decimal"), is_literal("Q42")
    (True, False)
    """
    return "^^" in uri


@lru_cache(maxsize=1 << 14)
def read_literal(uri: str, surface: str, lang: str, before: str = "") -> Literal:
    """The literal ``value^^type`` as its ``surface`` states it.

    Dates are ISO 8601 cut to their precision: ``year``, ``month`` or ``day``. Numbers have a sign and a decimal point;
    their precision is the unit of the last digit (``1``, ``0.01``). ``before`` is the character before the surface:
    after a letter or digit a ``-`` is a hyphen.

    >>> read_literal("-1905^^http://www.w3.org/2001/XMLSchema#decimal", "-1905", "ru", "4")
    Literal(value=Value(datatype='decimal', raw='-1905', value='+1905', precision='1'), repair='hyphen...')
    """
    value, _, datatype = uri.rpartition("^^")
    datatype = datatype.rpartition("#")[2]
    if date := _DATE.fullmatch(value):
        sign, year, month, day = date.groups()
        return _date(datatype, surface, sign.strip("+") + year, month, day)
    if datatype == "decimal":
        return _number(datatype, surface, value, lang, before)
    return Literal(Value(datatype, surface, value), UNREADABLE)


def _date(datatype: str, surface: str, year: str, month: str, day: str) -> Literal:
    if (number := abs(int(year))) not in (numbers := [int(digits) for digits in re.findall(r"\d{1,9}", surface)]):
        return Literal(Value(datatype, surface, f"{year}-{month}-{day}", "day"), UNSTATED)
    numbers.remove(number)
    january = bool(_JANUARY.search(surface))
    # A 1 on the surface is the day, unless it is the month January, as in 01.1937.
    if day != "01" or numbers.count(1) > (month == "01" and not january):
        return Literal(Value(datatype, surface, f"{year}-{month}-{day}", "day"))
    if month != "01" or january or 1 in numbers:
        return Literal(Value(datatype, surface, f"{year}-{month}", "month"), CUT)
    return Literal(Value(datatype, surface, year, "year"), CUT)


def _number(datatype: str, surface: str, value: str, lang: str, before: str) -> Literal:
    digits = surface.lstrip("+-−")
    if (parts := _parts(digits, lang)) is None:
        return Literal(Value(datatype, surface, value), UNREADABLE)
    minus = surface.startswith(("-", "−"))
    hyphen = minus and before.isalnum()
    sign = "-" if minus and not hyphen else "+"
    whole, fraction = parts
    number = sign + (whole.lstrip("0") or "0") + ("." + fraction if fraction else "")
    step = f"0.{'1':0>{len(fraction)}}" if fraction else "1"
    return Literal(Value(datatype, surface, number, step), _repair(value, number, hyphen))


def _parts(digits: str, lang: str) -> tuple[str, str] | None:
    """The digits before and after the decimal mark. None when the surface is not a number."""
    if grouped := _grouped(lang).fullmatch(digits):
        return re.sub(r"\D", "", grouped[1]), grouped[2] or ""
    plain = _PLAIN.fullmatch(digits)
    return (plain[1], plain[2] or "") if plain else None


@lru_cache
def _grouped(lang: str) -> re.Pattern[str]:
    """A number in groups of three digits in a language: 204,000.5 in English, 204 000,5 in Russian."""
    if not _DECIMAL_COMMA.fullmatch(lang):
        return re.compile(rf"([1-9]\d{{0,2}}(?:[,{_BLANKS}]\d{{3}})+)(?:\.(\d+))?", re.ASCII)
    marks = _BLANKS + ("." if _POINT_GROUPS.fullmatch(lang) else "")
    return re.compile(rf"([1-9]\d{{0,2}}(?:[{marks}]\d{{3}})+)(?:,(\d+))?", re.ASCII)


def _repair(old: str, new: str, hyphen: bool) -> str:
    if hyphen:
        return HYPHEN
    found = _SIGNED.fullmatch(old)
    linked = (found[1] or "+") + found[2] if found else ""
    if linked == new:
        return ""
    return THOUSANDS if linked.replace(".", "") == new.replace(".", "") else NUMBER
