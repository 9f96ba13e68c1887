"""Converters and knowledge sources by name, reports that add up, and names that must not be imported bare."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from relik_ml import plugins
from relik_ml.data import Report, StrictReport, TolerantReport
from relik_ml.errors import ConfigError, CorpusNotFound, DataError
from relik_ml.plugins import (
    CONVERTERS,
    INDEXES,
    Converter,
    IndexSource,
    load_converter,
    load_index,
    load_relations,
    names,
)
from relik_ml.types import Property


def test_our_own_are_found_by_name_and_shared_files_are_not() -> None:
    assert "nerel" in names(CONVERTERS)
    assert "nerel_relations" in names(INDEXES)
    assert not any(name.startswith("_") for name in names(CONVERTERS) + names(INDEXES))


@pytest.mark.parametrize("name", names(CONVERTERS))
def test_every_converter_keeps_the_protocol(name: str) -> None:
    converter = load_converter(name)
    assert isinstance(converter, Converter)
    assert converter.name == name
    assert all(getattr(converter, switch) is False for switch in converter.switches)
    assert converter.archive is None or converter.archive.checksums.keys() == set(converter.splits)


@pytest.mark.parametrize("name", names(INDEXES))
def test_every_index_source_keeps_the_protocol(name: str) -> None:
    assert isinstance(load_index(name), IndexSource)
    assert load_index(name).name == name


def test_an_unknown_name_is_answered_with_a_known_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'nerel'"):
        load_converter("nerell")
    with pytest.raises(ConfigError, match=r"use one of: .*nerel_relations"):
        load_index("zzz")


def test_other_peoples_plugins_come_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"theirs": "relik_ml.indexes.jsonl:source", "broken": "relik_ml.plugins:nothing", "odd": "os:sep"}
    entries = [EntryPoint(name, value, INDEXES) for name, value in values.items()]
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries if group == INDEXES else [])
    assert {"theirs", "broken", "odd", "nerel_relations"} <= {*names(INDEXES)}
    assert load_index("theirs") is load_index("jsonl")
    with pytest.raises(ConfigError, match="'broken' does not load"):
        load_index("broken")
    with pytest.raises(ConfigError, match="'odd' does not load") as raised:
        load_index("odd")
    assert "IndexSource" in raised.value.got


@pytest.mark.parametrize("folder", ["converters", "indexes", "recipes"])
def test_bare_names_cannot_be_imported(folder: str, root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", f"import {folder}"], cwd=root, capture_output=True, text=True)
    assert "ImportError" in done.stderr
    assert f"import relik_ml.{folder}" in done.stderr
    whole = subprocess.run(
        [sys.executable, "-c", f"import relik_ml.{folder}"], cwd=root, capture_output=True, text=True
    )
    assert (whole.returncode, whole.stderr) == (0, "")


def test_the_49_relations() -> None:
    source = load_relations("nerel_relations")
    entries = {entry.id: entry for entry in source.entries()}
    properties = source.properties()
    assert len(entries) == 49
    assert entries.keys() - properties.keys() == {"SUBORDINATE_OF"}
    assert properties["WORKPLACE"] == Property("P108")
    assert {name for name, known in properties.items() if known.inverse} == {"AGENT", "INANIMATE_INVOLVED", "ORGANIZES"}
    assert all(entry.kind == "relation" and entry.name and entry.text.endswith(".") for entry in entries.values())
    assert entries["PLACE_OF_BIRTH"].name == "место рождения"


def test_a_source_without_properties_has_no_relations(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("theirs", "relik_ml.indexes.jsonl:source", INDEXES)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    with pytest.raises(ConfigError, match="no relations"):
        load_relations("theirs")


@pytest.mark.parametrize("name", ["jsonl", "nerel_types"])
def test_our_sources_of_entities_and_types_have_no_relations(name: str) -> None:
    with pytest.raises(ConfigError, match="no relations"):
        load_relations(name)


def report(number: int, *places: str) -> Report:
    made = Report()
    made.count("mentions", number)
    for place in places:
        made.defect("broken", "mentions", place)
    return made


def test_reports_add_up() -> None:
    left, right = report(3, "a:1"), report(5, "b:1", "b:2")
    total = left + right
    assert (total.counts["mentions"], total.tally()["broken"], total.percent("broken")) == (8, 3, 37.5)
    assert total.defects["broken"].examples == ["a:1", "b:1", "b:2"]
    assert (left.tally()["broken"], right.tally()["broken"]) == (1, 2), "the summands are left as they were"
    assert total.json()["defects"]["broken"]["percent"] == 37.5


def test_reports_keep_only_the_first_examples() -> None:
    assert len(report(99, *map(str, range(50))).defects["broken"].examples) == Report().keep
    assert report(99, *map(str, range(50))).tally()["broken"] == 50


def test_a_share_of_nothing_is_no_error() -> None:
    assert report(0, "a:1").percent("broken") == 100.0


def test_a_report_can_be_printed_whatever_the_corpus_holds() -> None:
    odd = "half \ud800, bell \x07, line\n\u2028, colour \x1b[31m, Чехов"
    escaped = r"half \ud800, bell \x07, line\n\u2028, colour \x1b[31m, Чехов"
    made = TolerantReport()
    made.count(odd, 4)
    made.defect(odd, odd, odd, odd)
    made.bad(DataError(odd, where=odd, got=odd))
    assert (made.tally()[escaped], made.counts[escaped], made.percent(escaped)) == (1, 4, 25.0)
    assert made.defects[escaped].examples == [f"{escaped}  {escaped}"]
    total = made + made
    dumped = json.dumps(total.json(), ensure_ascii=False, indent=1)
    for text in (total.table(), dumped):
        assert all(line.isprintable() for line in text.encode().decode().split("\n"))
    assert len(total.table().split("\n")) == 4


def test_a_strict_report_stops_at_the_first_defect() -> None:
    with pytest.raises(DataError, match=r"broken\n.*a:1\n.*R1"):
        StrictReport().defect("broken", "mentions", "a:1", "R1")


def test_a_bad_document_is_an_error_unless_the_report_is_tolerant() -> None:
    error = DataError("the line is not JSON", where="ru.jsonl, line 7", got="'{'")
    for strict in (Report(), StrictReport()):
        with pytest.raises(DataError, match="not JSON"):
            strict.bad(error)
    tolerant = TolerantReport()
    tolerant.bad(error)
    assert tolerant.tally() == {"bad: the line is not JSON: skipped": 1}
    with pytest.raises(CorpusNotFound):
        tolerant.bad(CorpusNotFound("no corpus"))
