"""Literals say what their surface says, in the language of the text: those of REBEL, as its records have them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report
from relik_ml.plugins import load_converter
from relik_ml.types import Value

XSD = "^^http://www.w3.org/2001/XMLSchema#"
CUT = "date more precise than its surface: cut to what the surface says"
UNSTATED = "date whose year is not on its surface: kept as it is"
THOUSANDS = "thousands mark read as a decimal mark: undone"
HYPHEN = "hyphen read as a minus: undone"
NUMBER = "number misread: the surface's taken"
UNREADABLE = "literal that cannot be read: kept as it is"


def literal(folder: Path, uri: str, surface: str, lang: str, before: str = "") -> tuple[Value | None, str]:
    """The value of a literal in a text, and what was repaired in it."""
    span = {"uri": uri, "surfaceform": surface, "boundaries": [len(before), len(before + surface)], "annotator": "Me"}
    page = {"docid": "1", "title": "T", "uri": "Q1", "text": f"{before}{surface} .", "entities": [span], "triples": []}
    (folder / "train.jsonl").write_text(json.dumps(page) + "\n", encoding="utf-8")
    rebel: Any = load_converter("rebel")
    converter = replace(rebel, lang=lang)
    report = Report()
    (document,) = converter.read(folder, "train", report)
    return document.mentions[0].value, " and ".join(report.tally())


@pytest.mark.parametrize(("surface", "linked", "expected"), [
    ("1913", "1913-01-01", ("1913", "year")),
    ("1913 году", "1913-01-01", ("1913", "year")),
    ("44 до н. э.", "-0044-01-01", ("-0044", "year")),
    ("April 1950", "1950-04-01", ("1950-04", "month")),
    ("январе 1950", "1950-01-01", ("1950-01", "month")),
    ("01.1950", "1950-01-01", ("1950-01", "month")),
    ("2010年1月", "2010-01-01", ("2010-01", "month")),
    ("1 January 1950", "1950-01-01", ("1950-01-01", "day")),
    ("1 апреля 1950", "1950-04-01", ("1950-04-01", "day")),
    ("1er janvier 1950", "1950-01-01", ("1950-01-01", "day")),
    ("01.01.1950", "1950-01-01", ("1950-01-01", "day")),
    ("2010年1月1日", "2010-01-01", ("2010-01-01", "day")),
    ("13June 1852", "1852-06-13", ("1852-06-13", "day")),
])  # fmt: skip
def test_a_date_is_as_precise_as_its_surface(
    tmp_path: Path, surface: str, linked: str, expected: tuple[str, str]
) -> None:
    value, _ = literal(tmp_path, f"{linked}T00:00:00Z{XSD}dateTime", surface, "ru")
    assert value == Value("dateTime", surface, *expected)


def test_only_cut_dates_count_as_repaired(tmp_path: Path) -> None:
    uri = f"1950-01-01T00:00:00Z{XSD}dateTime"
    assert literal(tmp_path, uri, "1950", "en")[1] == CUT
    assert literal(tmp_path, uri, "1 January 1950", "en")[1] == ""
    assert literal(tmp_path, f"2050-01-28T00:00:00Z{XSD}dateTime", "28, 50", "en")[1] == UNSTATED


@pytest.mark.parametrize(("surface", "linked", "lang", "number", "precision", "repair"), [
    ("204,000", "+204.000", "en", "+204000", "1", THOUSANDS),
    ("204,000", "+204.000", "ru", "+204.000", "0.001", ""),
    ("204,000", "+204.000", "de", "+204.000", "0.001", ""),
    ("204,000", "+204.000", "fr", "+204.000", "0.001", ""),
    ("204.000", "+204.000", "de", "+204000", "1", THOUSANDS),
    ("204.000", "+204.000", "en", "+204.000", "0.001", ""),
    ("1,234,567", "+1.234", "en", "+1234567", "1", NUMBER),
    ("204\u00a0000,5", "+204000.5", "ru", "+204000.5", "0.1", ""),
    ("25,000.00", "+25000.00", "en", "+25000.00", "0.01", ""),
    ("6,5", "+6.5", "en", "+6.5", "0.1", ""),
    ("0,751", "+0.751", "en", "+0.751", "0.001", ""),
    ("04", "+04", "en", "+4", "1", ""),
    ("0", "0", "en", "+0", "1", ""),
    ("-6.5", "-6.5", "en", "-6.5", "0.1", ""),
    ("+5.64", "++5.64", "en", "+5.64", "0.01", NUMBER),
])  # fmt: skip
def test_numbers(
    tmp_path: Path, surface: str, linked: str, lang: str, number: str, precision: str, repair: str
) -> None:
    value = Value("decimal", surface, number, precision)
    assert literal(tmp_path, f"{linked}{XSD}decimal", surface, lang) == (value, repair)


def test_a_hyphen_between_two_numbers_is_no_minus(tmp_path: Path) -> None:
    uri, value = f"-1939{XSD}decimal", Value("decimal", "-1939", "+1939", "1")
    assert literal(tmp_path, uri, "-1939", "en", "1") == (value, HYPHEN)
    assert literal(tmp_path, uri, "-1939", "en", " ") == (replace(value, value="-1939"), "")


@pytest.mark.parametrize(
    "uri", ["^^", f"never{XSD}dateTime", f"many{XSD}decimal", "7^^x", f"{'9' * 5000}-01-01{XSD}dateTime"]
)
def test_what_cannot_be_read_is_kept_and_counted(tmp_path: Path, uri: str) -> None:
    value, repair = literal(tmp_path, uri, "много", "ru")
    assert value is not None
    assert (value.raw, value.value, repair) == ("много", uri.rpartition("^^")[0], UNREADABLE)
