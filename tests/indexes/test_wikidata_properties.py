"""Properties of Wikidata as relations: their names, and what their constraints say they run from and to."""

from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report
from relik_ml.errors import ConfigError
from relik_ml.plugins import load_index
from relik_ml.types import Entry
from tests.dump import birthplace, claim, constraint, entities, json_line, term, write_json, write_truthy

PROPERTIES: Any = load_index("wikidata_properties")
ITEMS: Any = load_index("wikidata")

ALIASES = ("родился в", "place of birth")
BORN = Entry(
    "P19", "relation", "место рождения", "где родился человек; человек → населённый пункт", "ru", ALIASES
)  # fmt: skip


def dump(folder: Path, *properties: Any) -> Path:
    return write_json(folder / "dump.json", [json_line(each) for each in (*entities(5), *properties)])


def identifier(id: str, datatype: str, *constraints: Any) -> Any:
    return {
        **birthplace(),
        "id": id,
        "datatype": datatype,
        "claims": {"P2302": list(constraints)} if constraints else [],
    }


def test_property_with_its_domain_and_range(tmp_path: Path) -> None:
    path = dump(tmp_path)
    assert list(PROPERTIES.entries(path)) == [BORN]
    wikidata: Any = load_index("wikidata")
    wikidata.extract(path, tmp_path / "out", Report())
    assert list(PROPERTIES.entries(tmp_path / "out")) == [BORN]


def test_rows_for_each_language(tmp_path: Path) -> None:
    found = list(type(PROPERTIES)(langs="en,ru", rows="language").entries(dump(tmp_path)))
    assert [(row.lang, row.name, row.text, row.aliases) for row in found] == [
        ("en", "place of birth", "where somebody was born; human → settlement", ()),
        ("ru", BORN.name, BORN.text, ("родился в",)),
    ]
    with pytest.raises(ConfigError, match="no such way"):
        list(type(PROPERTIES)(rows="all").entries(dump(tmp_path)))


def test_values_that_are_no_items_have_a_datatype(tmp_path: Path) -> None:
    path = dump(tmp_path, identifier("P569", "time", constraint("Q21503250", "Q5", "Q404")), identifier("P18", "url"))
    assert [row.text for row in PROPERTIES.entries(path)][1:] == [
        "где родился человек; человек → time",
        "где родился человек; … → url",
    ]


def test_deprecated_and_unknown_constraints_are_ignored(tmp_path: Path) -> None:
    deprecated = {**constraint("Q21503250", "Q5"), "rank": "deprecated"}
    path = dump(tmp_path, identifier("P20", "wikibase-item", deprecated, claim("P2302", None)))
    assert [row.text for row in PROPERTIES.entries(path)][1] == "где родился человек"


def test_identifiers_and_nameless_properties_are_left_out(tmp_path: Path) -> None:
    path, report = dump(tmp_path, identifier("P213", "external-id")), Report()
    assert [row.id for row in PROPERTIES.entries(path, report)] == ["P19"]
    assert report.counts["properties of an unwanted datatype: not in the index"] == 1
    assert report.counts["properties in the index"] == 1
    assert [row.id for row in type(PROPERTIES)(without_datatypes="").entries(path)] == ["P19", "P213"]
    german = {**birthplace(), "id": "P21", "labels": {"de": term("de", "Geschlecht")}}
    assert [row.id for row in PROPERTIES.entries(dump(tmp_path, german))] == ["P19"], "no name in the languages"


def test_truthy_dump_has_no_constraints(tmp_path: Path) -> None:
    (found,) = PROPERTIES.entries(write_truthy(tmp_path / "truthy.nt", list(entities(5))))
    assert found == Entry("P19", "relation", BORN.name, "где родился человек", "ru", ALIASES)
