"""Items of Wikidata out of a dump: what becomes a row, what is left out and counted, what is said of a bad dump."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, TolerantReport
from relik_ml.errors import ConfigError, DataError
from relik_ml.plugins import load_index
from relik_ml.types import Entry
from tests.dump import claim, entities, entity, json_line, term, write_json, write_truthy

WIKIDATA: Any = load_index("wikidata")

CITY = entity("Q515", {"en": "city", "ru": "город"}, {"P279": [claim("P279", "Q486972")]})
BIG = entity("Q1549591", {"en": "big city", "ru": "большой город"}, {"P279": [claim("P279", "Q515")]})
MINSK = entity(
    "Q2280",
    {"en": "Minsk", "ru": "Минск", "be": "Мінск"},
    {"P31": [claim("P31", "Q1"), claim("P31", "Q404", "deprecated"), claim("P31", "Q1549591", "preferred")]},
    ("en", "ru", "be"),
    {"ru": [term("ru", "Менск"), term("ru", "Минск")], "en": [term("en", "Miensk")], "be": [term("be", "Менск")]},
    {"en": "capital of Belarus", "ru": "столица Белоруссии"},
)


def source(**settings: Any) -> Any:
    return type(WIKIDATA)(**settings)


def dump(folder: Path, made: Sequence[Any], name: str = "dump.json") -> Path:
    return write_json(folder / name, [json_line(each) for each in made])


def rows(path: Path, **settings: Any) -> list[Entry]:
    return list(source(**settings).entries(path))


def test_item_with_its_classes_ranks_names_and_popularity(tmp_path: Path) -> None:
    found = {entry.id: entry for entry in rows(dump(tmp_path, [MINSK, BIG, CITY]))}
    assert found["Q2280"] == Entry(
        "Q2280", "entity", "Минск", "большой город, столица Белоруссии", "ru",
        ("Менск", "Minsk", "Miensk"), ("Q1549591", "Q1"), round(math.log1p(3), 2),
    )  # fmt: skip


def test_a_row_for_each_language_with_one_id(tmp_path: Path) -> None:
    found = rows(dump(tmp_path, [BIG, MINSK]), langs="en,ru,be", rows="language")[2:]
    assert [(row.id, row.lang, row.name, row.text, row.aliases) for row in found] == [
        ("Q2280", "en", "Minsk", "big city, capital of Belarus", ("Miensk",)),
        ("Q2280", "ru", "Минск", "большой город, столица Белоруссии", ("Менск",)),
        ("Q2280", "be", "Мінск", "big city", ("Менск",)),
    ]


def test_name_in_the_first_language_or_for_all_languages(tmp_path: Path) -> None:
    path = dump(tmp_path, [entity("Q1", {"mul": "Oslo", "de": "x"}), entity("Q2", {"de": "Ulm"}), entity("Q3", {})])
    assert [(row.id, row.lang, row.name) for row in rows(path)] == [("Q1", "mul", "Oslo")]


@pytest.mark.parametrize(("settings", "ids"), [
    ({"classes": "Q515"}, ["Q2280", "Q1549591", "Q515"]),
    ({"classes": "Q486972"}, ["Q2280", "Q1549591", "Q515"]),
    ({"classes": "Q5"}, []),
    ({"without": "Q515"}, []),
    ({"without": ""}, ["Q2280", "Q1549591", "Q515"]),
    ({"min_sitelinks": 3}, ["Q2280"]),
])  # fmt: skip
def test_filters_by_class_and_by_sitelinks(tmp_path: Path, settings: Any, ids: list[str]) -> None:
    assert [row.id for row in rows(dump(tmp_path, [MINSK, BIG, CITY]), **settings)] == ids


def test_pages_of_wikimedia_are_left_out_and_counted(tmp_path: Path) -> None:
    page = entity("Q7", {"en": "Minsk"}, {"P31": [claim("P31", "Q4167410")]})
    report = Report()
    assert [row.id for row in WIKIDATA.entries(dump(tmp_path, [page, MINSK]), report)] == ["Q2280"]
    assert report.counts["items of an unwanted class: not in the index"] == 1
    assert report.counts["items in the index"] == 1


def test_circles_of_subclasses_end(tmp_path: Path) -> None:
    one = entity("Q1", {"ru": "А"}, {"P279": [claim("P279", "Q2")]})
    two = entity("Q2", {"ru": "Б"}, {"P279": [claim("P279", "Q1")]})
    assert len(rows(dump(tmp_path, [one, two]), classes="Q1")) == 2


def test_redirects_become_aliases_and_rename_classes(tmp_path: Path) -> None:
    moved = entity("Q9", {"ru": "Гомель"}, {"P31": [claim("P31", "Q90")]})
    (tmp_path / "redirects.tsv").write_text("Q90\tQ91\nQ91\tQ515\nQ17\tQ9\nQ16\tQ9\n")
    second = rows(dump(tmp_path, [CITY, moved]), redirects=str(tmp_path / "redirects.tsv"), classes="Q486972")[1]
    assert (second.text, second.types, second.aliases) == ("город", ("Q515",), ("Q16", "Q17"))
    (tmp_path / "redirects.tsv").write_text("Q3\tQ17\nQ17\tQ16\nQ16\tQ9\nQ16\tQ515\nQ8\tQ7\nQ7\tQ8\nQ9\tQ9\n")
    found = rows(tmp_path / "dump.json", redirects=str(tmp_path / "redirects.tsv"))
    assert [row.aliases for row in found] == [("city",), ("Q3", "Q16", "Q17")]
    (tmp_path / "redirects.tsv").write_text("Q17\tQ9\nQ16 Q9\n")
    with pytest.raises(DataError, match="redirects") as error:
        rows(tmp_path / "dump.json", redirects=str(tmp_path / "redirects.tsv"))
    assert error.value.where.endswith("line 2")


def test_filters_on_bytes_change_nothing(tmp_path: Path) -> None:
    """What is left out unparsed would be left out parsed: blanks between all tokens and other orders of keys."""
    made = list(entities(300, seed=1))
    settings = {"langs": "ru,be", "min_sitelinks": 2}
    plain = rows(dump(tmp_path, made), **settings)
    loose = [json.dumps(dict(reversed(each.items())), ensure_ascii=False).encode() for each in made]
    assert plain == rows(write_json(tmp_path / "loose.json", loose), **settings)
    expected = [
        each["id"] for each in made
        if each["type"] == "item" and len(each["sitelinks"]) >= 2 and {"ru", "be"} & set(each["labels"])
    ]  # fmt: skip
    assert [row.id for row in rows(tmp_path / "dump.json", **settings, without="")] == expected
    assert 30 < len(expected) < 200


def test_properties_and_lexemes_are_counted(tmp_path: Path) -> None:
    made = list(entities(20))
    loose = [json.dumps(dict(reversed(each.items()))).encode() for each in made]
    for path in (dump(tmp_path, made), write_json(tmp_path / "loose.json", loose)):
        report = Report()
        source(min_sitelinks=2).extract(path, tmp_path / path.stem, report)
        assert report.counts["lexemes: passed over"] == report.counts["properties kept"] == 1, path
        assert report.counts["entities"] == 20 + 8 + 2


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_packed_dumps_and_lines_without_brackets_read_alike(tmp_path: Path, suffix: str) -> None:
    made = list(entities(30))
    plain = rows(dump(tmp_path, made))
    assert rows(dump(tmp_path, made, f"dump.json{suffix}")) == plain
    (tmp_path / "lines.jsonl").write_bytes(b"".join(json_line(each) + b"\n" for each in made))
    assert rows(tmp_path / "lines.jsonl") == plain


@pytest.mark.parametrize("name", ["truthy.nt", "truthy.nt.bz2"])
def test_truthy_dump_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    made = [*entities(60, seed=3), CITY]
    quoted = entity("Q3", {"ru": 'Отель "Минск" \\ бар\t№ 1 \U0001f600'}, {"P31": [claim("P31", None)]})
    found = rows(write_truthy(tmp_path / name, [*made, quoted]), without="")
    expected = rows(dump(tmp_path, [*made, quoted]), without="")
    told = [(row.id, row.name, row.text, row.lang, row.aliases, row.types) for row in expected]
    assert [(row.id, row.name, row.text, row.lang, row.aliases, row.types) for row in found] == told
    assert found[-1].popularity == round(math.log1p(1), 2)


def test_truthy_dump_has_preferred_statements_and_no_sitelinks(tmp_path: Path) -> None:
    path = write_truthy(tmp_path / "truthy.nt", [MINSK])
    assert [row.types for row in rows(path)] == [("Q1549591",)]
    with pytest.raises(ConfigError, match="no sitelinks"):
        source(min_sitelinks=1).extract(path, tmp_path / "out", Report())


@pytest.mark.parametrize(("line", "got"), [
    (b'{"type":"item","id":"Q1"', "Expecting"),
    (b"[1]", "TypeError"),
    (b'{"type":"item","labels":{"ru":{"value":"x"}}}', "'id'"),
    (b'{"type":"item","id":"x","labels":{"ru":{"value":"x"}}}', "'x'"),
    (b'{"type":"item","id":"Q1","labels":{"ru":"x"}}', "TypeError"),
    (b'{"type":"item","id":"Q1","labels":{"ru":{"value":1}}}', "no text"),
    (b'{"type":"item","id":"Q1","labels":{"ru":{"value":"\xff"}}}', "UnicodeDecodeError"),
    (b'{"type":"item","id":"Q1","labels":{"ru":{"value":"x"}},"claims":{"P31":[{"mainsnak":{}}]}}', "'rank'"),
])  # fmt: skip
def test_line_that_is_no_entity_is_named_or_counted(tmp_path: Path, line: bytes, got: str) -> None:
    path = write_json(tmp_path / "dump.json", [json_line(CITY), line, json_line(MINSK)])
    with pytest.raises(DataError, match="no entity") as error:
        rows(path)
    assert error.value.where == f"{path}, line 3"
    assert got in error.value.got
    report = TolerantReport()
    assert [row.id for row in WIKIDATA.entries(path, report)] == ["Q515", "Q2280"]
    (defect,) = report.defects.values()
    assert defect.count == 1


@pytest.mark.parametrize("line", [
    b"<garbage line",
    b"garbage .",
    b"<https://ru.wikipedia.org/wiki/X> <http://schema.org/about>",
    b"<http://www.wikidata.org/entity/Q2280> garbage .",
    b'<http://www.wikidata.org/entity/Q2280> <http://schema.org/description> "x',
])  # fmt: skip
def test_line_that_is_no_triple_is_named_or_counted(tmp_path: Path, line: bytes) -> None:
    path = write_truthy(tmp_path / "truthy.nt", [MINSK])
    expected = rows(path)
    between = b"# a comment\n\n_:genid1 <http://schema.org/about> <http://schema.org/Thing> . # why\n"
    path.write_bytes(between + path.read_bytes())
    assert rows(path) == expected
    path.write_bytes(line + b"\n" + path.read_bytes())
    with pytest.raises(DataError, match="no triple") as error:
        rows(path)
    assert error.value.where == f"{path}, line 1"
    report = TolerantReport()
    assert list(WIKIDATA.entries(path, report)) == expected
    assert [defect.count for defect in report.defects.values()] == [1]


@pytest.mark.parametrize("name", ["dump.json", "truthy.nt"])
@pytest.mark.parametrize("report", [Report, TolerantReport])
def test_dump_cut_in_its_last_entity_is_an_error(tmp_path: Path, name: str, report: type[Report]) -> None:
    made = [CITY, MINSK]
    whole = (write_truthy(tmp_path / name, made) if name.endswith("nt") else dump(tmp_path, made)).read_bytes()
    content = whole.rstrip(b"]\n")
    for end in range(content.rindex(b"\n") + 2, len(content) + 1):
        (tmp_path / name).write_bytes(whole[:end])
        with pytest.raises(DataError, match="cut off"):
            list(WIKIDATA.entries(tmp_path / name, report()))


@pytest.mark.parametrize(("settings", "what"), [
    ({"rows": "both"}, "no such way"), ({"langs": "RU"}, "no such code"), ({"langs": "ru;en"}, "no such code"),
    ({"min_sitelinks": -3}, "cannot be negative"), ({"classes": "human"}, "by its id"),
    ({"without": "Q5;Q6"}, "by its id"),
])  # fmt: skip
def test_wrong_settings_are_named(tmp_path: Path, settings: Any, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as error:
        rows(dump(tmp_path, [CITY]), **settings)
    assert error.value.fix


def test_missing_dumps_are_errors_with_a_fix(tmp_path: Path) -> None:
    for path, kind in ((None, ConfigError), (tmp_path / "none.json", DataError), (tmp_path, DataError)):
        with pytest.raises(kind) as error:
            list(WIKIDATA.entries(path))
        assert error.value.fix
