"""The mention types as passages: all of NEREL's, each with a name and a text of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relik_ml.plugins import load_index
from relik_ml.text import tokens

TYPES: Any = load_index("nerel_types")

NAMES = """AGE AWARD CITY COUNTRY CRIME DATE DISEASE DISTRICT EVENT FACILITY FAMILY IDEOLOGY LANGUAGE LAW LOCATION MONEY
NATIONALITY NUMBER ORDINAL ORGANIZATION PENALTY PERCENT PERSON PRODUCT PROFESSION RELIGION STATE_OR_PROVINCE TIME
WORK_OF_ART""".split()  # noqa: SIM905


def test_all_29_types_are_there_in_the_order_of_the_network() -> None:
    entries = list(TYPES.entries())
    assert {entry.id for entry in entries} == set(NAMES)
    assert len(entries) == 29
    assert {entry.kind for entry in entries} == {"type"}
    assert [entry.id for entry in TYPES.entries()] == [entry.id for entry in entries]


def test_no_two_types_have_one_name_and_all_say_more_than_it() -> None:
    entries = list(TYPES.entries())
    assert len({entry.name for entry in entries}) == 29
    for entry in entries:
        words = {token.text.casefold() for token in tokens(entry.text)}
        assert len(words) >= 8, entry.id
        assert entry.lang == "ru"


@pytest.mark.parametrize(("split", "documents"), [("dev", 94)])
def test_they_are_the_types_of_the_corpus(shared_data: Path, split: str, documents: int) -> None:
    found, files = set(), sorted((shared_data / "nerel" / split).rglob("*.ann"))
    assert len(files) == documents
    for path in files:
        lines = path.read_text("utf-8").split("\n")
        found |= {line.split("\t")[1].split()[0] for line in lines if line.startswith("T")}
    assert found == set(NAMES)
