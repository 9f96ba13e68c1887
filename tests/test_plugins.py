"""Converters and knowledge sources by name, reports that add up, and names that must not be imported bare."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from relik_ml import plugins
from relik_ml.data import Report, TolerantReport
from relik_ml.errors import ConfigError, DataError
from relik_ml.plugins import CONVERTERS, INDEXES, load_converter, load_index, names


@pytest.mark.parametrize("name", names(CONVERTERS))
def test_every_converter_of_ours_loads(name: str) -> None:
    converter = load_converter(name)
    assert converter.name == name
    assert all(type(getattr(converter, field)) in (bool, int, str, float) for field in converter.options)
    assert converter.archive is None or converter.archive.checksums.keys() == set(converter.splits)


@pytest.mark.parametrize("name", names(INDEXES))
def test_every_index_source_of_ours_loads(name: str) -> None:
    assert load_index(name).name == name
    assert bool(load_index(name).properties()) is (name == "nerel_relations")


def test_an_unknown_name_is_answered_with_a_known_one() -> None:
    with pytest.raises(ConfigError, match="'nerel'"):
        load_converter("nerell")
    with pytest.raises(ConfigError, match="nerel_relations"):
        load_index("zzz")


def test_plugins_of_others_come_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"theirs": "relik_ml.indexes.jsonl:source", "broken": "relik_ml.plugins:nothing", "odd": "os:sep"}
    entries = [EntryPoint(name, value, INDEXES) for name, value in values.items()]
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries if group == INDEXES else [])
    assert {"theirs", "broken", "odd", "nerel_relations"} <= {*names(INDEXES)}
    assert not any(name.startswith("_") for name in names(CONVERTERS) + names(INDEXES))
    assert load_index("theirs") is load_index("jsonl")
    for name, got in (("broken", "nothing"), ("odd", "IndexSource")):
        with pytest.raises(ConfigError, match=f"'{name}' does not load") as raised:
            load_index(name)
        assert got in raised.value.got


@pytest.mark.parametrize("folder", ["converters", "indexes", "recipes"])
def test_bare_names_cannot_be_imported(folder: str, root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", f"import {folder}"], cwd=root, capture_output=True, text=True)
    assert "ImportError" in done.stderr
    assert f"import relik_ml.{folder}" in done.stderr
    whole = [sys.executable, "-c", f"import relik_ml.{folder}"]
    assert subprocess.run(whole, cwd=root, capture_output=True, text=True).stderr == ""


def report(number: int, *lines: str) -> Report:
    made = Report()
    made.count("mentions", number)
    for line in lines:
        made.defect("broken", "mentions", line)
    return made


def test_reports_add_up_and_keep_the_first_examples() -> None:
    left, right = report(3, "a:1"), report(5, "b:1", "b:2")
    total = left + right
    assert (total.counts["mentions"], total.tally()["broken"], total.percent("broken")) == (8, 3, 37.5)
    assert total.json()["defects"]["broken"] == {
        "count": 3, "percent": 37.5, "of": "mentions", "examples": ["a:1", "b:1", "b:2"],
    }  # fmt: skip
    assert (left.tally()["broken"], right.tally()["broken"]) == (1, 2), "the summands are left as they were"
    many = report(99, *map(str, range(50)))
    assert (len(many.defects["broken"].examples), many.tally()["broken"]) == (Report().keep, 50)
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
    assert all(line.isprintable() for text in (total.table(), dumped) for line in text.encode().decode().split("\n"))
