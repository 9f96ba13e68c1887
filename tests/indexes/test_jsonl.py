"""A table of entities in JSON Lines: what becomes a passage, and errors of a wrong table."""

import gzip
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report
from relik_ml.errors import ConfigError, DataError
from relik_ml.plugins import load_index
from relik_ml.types import Entry

JSONL: Any = load_index("jsonl")

CITY = {"qid": "Q515", "labels": {"ru": "город", "en": "city"}}
BELARUS = {"qid": "Q184", "labels": {"ru": "Беларусь"}, "types": ["Q6256"]}
MINSK = {
    "qid": "Q2280",
    "labels": {"en": "Minsk", "ru": "Минск", "be": "Мінск"},
    "aliases": {"ru": ["Менск", "Минск", "Менск"], "be": ["Менск"], "en": ["Miensk"]},
    "descriptions": {"en": "capital of Belarus", "ru": "столица Белоруссии"},
    "types": ["Q515", "Q404"],
    "sources": ["выдумано"],
}
FACTS = "Q2280\tP17\tQ184\tвыдумано\nQ184\tP36\tQ2280\tвыдумано\n"


def write(folder: Path, records: Sequence[object], facts: str = "") -> Path:
    path = folder / "entities.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    if facts:
        (folder / "facts.tsv.gz").write_bytes(gzip.compress(facts.encode()))
    return path


def read(path: Path) -> list[Entry]:
    return list(JSONL.entries(path))


def test_passage_holds_classes_facts_and_description(tmp_path: Path) -> None:
    city, belarus, minsk = read(write(tmp_path, [CITY, BELARUS, MINSK], FACTS))
    assert minsk == Entry(
        "Q2280", "entity", "Минск", "город, Беларусь, столица Белоруссии", "ru",
        ("Менск", "Minsk", "Miensk"), ("Q515", "Q404"), round(math.log1p(3 + 2), 2),
    )  # fmt: skip
    assert city == Entry("Q515", "entity", "город", aliases=("city",), popularity=round(math.log1p(2), 2))
    assert (belarus.text, belarus.types) == ("", ("Q6256",))


def test_only_id_and_one_name_are_needed(tmp_path: Path) -> None:
    nulls = {"qid": "Q2", "labels": {"ru": "Б", "en": None or ""}, "aliases": None, "descriptions": None, "types": None}
    assert [entry.name for entry in read(write(tmp_path, [{"qid": "Q1", "labels": {"ru": "А"}}, nulls]))] == ["А", "Б"]


def test_name_is_in_the_first_language_there_is(tmp_path: Path) -> None:
    aliases = {"en": ["Kristiania"], "ru": ["Христиания"]}
    english = {"qid": "Q1", "labels": {"en": "Oslo", "de": "Oslo"}, "aliases": aliases}
    german = {"qid": "Q2", "labels": {"de": "Ulm"}}
    nameless = {"qid": "Q3", "labels": {}}
    found = read(write(tmp_path, [english, german, nameless]))
    assert [(entry.id, entry.lang, entry.aliases) for entry in found] == [("Q1", "en", ("Kristiania", "Христиания"))]
    report = Report()
    other = [entry.name for entry in type(JSONL)(langs="de,en").entries(tmp_path / "entities.jsonl", report)]
    assert other == ["Oslo", "Ulm"]
    assert report.counts == {"entities in the index": 2, "entities without a name in the languages": 1}


def test_rows_for_each_language_that_has_a_name(tmp_path: Path) -> None:
    table = write(tmp_path, [CITY, BELARUS, MINSK], FACTS)
    rows = list(type(JSONL)(langs="be,en,ru,be", rows="language").entries(table))
    assert [(row.id, row.lang, row.name) for row in rows] == [
        ("Q515", "en", "city"), ("Q515", "ru", "город"), ("Q184", "ru", "Беларусь"),
        ("Q2280", "be", "Мінск"), ("Q2280", "en", "Minsk"), ("Q2280", "ru", "Минск"),
    ]  # fmt: skip
    minsk = rows[3:]
    assert [row.aliases for row in minsk] == [("Менск",), ("Miensk",), ("Менск",)]
    assert minsk[1].text == "city, Беларусь, capital of Belarus", "in its own language where there is one"
    assert minsk[2].text == "город, Беларусь, столица Белоруссии"
    assert {(row.types, row.popularity) for row in minsk} == {(("Q515", "Q404"), round(math.log1p(3 + 2), 2))}


def test_most_telling_facts_come_first_and_once(tmp_path: Path) -> None:
    person = {"qid": "Q1", "labels": {"ru": "Анна Ким"}, "descriptions": {"ru": "поэт"}}
    named = [{"qid": f"Q{n}", "labels": {"ru": name}} for n, name in ((2, "Беларусь"), (3, "поэт"), (4, "министр"))]
    facts = "Q1\tP27\tQ2\tx\nQ1\tP106\tQ3\tx\nQ1\tP39\tQ4\tx\nQ1\tP39\tQ404\tx\nQ1\tP569\tQ2\tx\n"
    assert read(write(tmp_path, [person, *named], facts))[0].text == "министр, поэт, Беларусь"


# Several tables


def tables(folder: Path, *tables: Sequence[object]) -> list[Path]:
    paths = []
    for number, records in enumerate(tables):
        (folder / f"t{number}").mkdir()
        paths.append(write(folder / f"t{number}", records))
    return paths


def joined(paths: Sequence[Path], report: Report | None = None, **settings: str) -> list[Entry]:
    more = ", ".join(map(str, paths[1:]))
    return list(type(JSONL)(more=more, **settings).entries(paths[0], report))


def test_more_tables_fill_gaps_and_add_entities(tmp_path: Path) -> None:
    extra = {
        "qid": "Q184", "labels": {"ru": "Белоруссия", "en": "Belarus"}, "aliases": {"ru": ["РБ", "Беларусь"]},
        "descriptions": {"ru": "страна"}, "types": ["Q6256", "Q515"],
    }  # fmt: skip
    third = {"qid": "Q184", "labels": {"en": "Republic"}, "descriptions": {"ru": "другая"}}
    paths = tables(tmp_path, [CITY, BELARUS], [extra, {"qid": "Q1", "labels": {"ru": "Пинск"}}], [third])
    city, belarus, pinsk = joined(paths)
    assert belarus.name == "Беларусь"
    assert belarus.aliases == ("Белоруссия", "РБ", "Belarus", "Republic")
    assert belarus.text == "город, страна"
    assert belarus.types == ("Q6256", "Q515")
    assert belarus.popularity == round(math.log1p(2), 2)
    assert (city, pinsk.name) == (read(paths[0])[0], "Пинск")
    assert [entry.id for entry in joined(paths[1:])] == ["Q184", "Q1"]
    assert joined(paths[:1]) == read(paths[0])


def test_empty_label_is_filled_and_no_alias(tmp_path: Path) -> None:
    empty = {"qid": "Q1", "labels": {"ru": "", "en": "Pinsk"}}
    (pinsk,) = joined(tables(tmp_path, [empty], [{"qid": "Q1", "labels": {"ru": "Пинск", "en": ""}}]))
    assert (pinsk.name, pinsk.aliases) == ("Пинск", ("Pinsk",))


def test_skipped_sources_leave_what_others_list(tmp_path: Path) -> None:
    def listed(id: str, *sources: str) -> dict[str, object]:
        return {"qid": id, "labels": {"ru": id}, **({"sources": [*sources]} if sources else {})}

    paths = tables(
        tmp_path, [listed("Q1", "a"), listed("Q2", "a", "c"), listed("Q3", "b"), listed("Q4"), listed("Q5", "b", "a")],
        [listed("Q3", "c"), listed("Q6", "b")],
    )  # fmt: skip
    report = Report()
    assert [entry.id for entry in joined(paths, report, skip="a, b")] == ["Q2", "Q3", "Q4"]
    assert report.counts["entities of skipped sources alone"] == 3
    assert [entry.id for entry in joined(paths, skip="b")] == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    assert len(joined(paths)) == 6


def test_names_derived_by_rule_count_half(tmp_path: Path) -> None:
    ruled = {"qid": "Q1", "labels": {"ru": "Пинск", "en": "Pinsk"}, "label_sources": {"ru": "rule", "en": "wd"}}
    paths = tables(tmp_path, [ruled, CITY])
    pinsk, city = joined(paths, derived="other, rule")
    full = math.log1p(2)
    assert (pinsk.popularity, city.popularity) == (round(full / 2, 2), round(full, 2))
    by_language = {row.lang: row.popularity for row in joined(paths, derived="rule", rows="language")[:2]}
    assert by_language == {"ru": round(full / 2, 2), "en": round(full, 2)}
    assert joined(paths, derived="other") == joined(paths)


def test_label_source_belongs_to_the_label_that_stays(tmp_path: Path) -> None:
    ruled = {"qid": "Q515", "labels": {"ru": "сити", "de": "Stadt"}, "label_sources": {"ru": "rule", "de": "rule"}}
    plain, derived = tables(tmp_path, [CITY], [ruled])
    (city,) = joined([plain, derived], derived="rule")
    assert (city.name, city.popularity) == ("город", round(math.log1p(3), 2))
    assert city.aliases == ("сити", "city")
    (city,) = joined([derived, plain], derived="rule")
    assert (city.name, city.popularity) == ("сити", round(math.log1p(3) / 2, 2))


# Damage


@pytest.mark.parametrize(("line", "got"), [
    ('{"qid": "Q1"', "Expecting"),
    ("[1]", "object"),
    ("", "Expecting"),
    ('{"labels": {"ru": "А"}}', "`qid`"),
    ('{"qid": "", "labels": {"ru": "А"}}', "$.qid"),
    ('{"qid": "Q1", "labels": null}', "`labels`"),
    ('{"qid": 1, "labels": {"ru": "А"}}', "$.qid"),
    ('{"qid": "Q1", "labels": ["А"]}', "$.labels"),
    ('{"qid": "Q1", "labels": {"ru": 1}}', "$.labels"),
    ('{"qid": "Q1", "labels": {"ru": "А"}, "aliases": {"ru": "Бета"}}', "$.aliases"),
    ('{"qid": "Q1", "labels": {"ru": "А"}, "aliases": {"ru": [1]}}', "$.aliases"),
    ('{"qid": "Q1", "labels": {"ru": "А"}, "types": "Q5"}', "$.types"),
    ('{"qid": "Q1", "labels": {"ru": "А"}, "descriptions": {"ru": []}}', "$.descriptions"),
    ('{"qid": "Q1", "labels": {"ru": "А"}, "sources": [["wd"]]}', "$.sources"),
    ('{"qid": "Q1", "labels": {"ru": "А"}, "label_sources": {"ru": 1}}', "$.label_sources"),
    (b'{"qid": "Q1", "labels": {"ru": "\xff"}}', "decode"),
])  # fmt: skip
def test_line_of_another_form_is_named(tmp_path: Path, line: str | bytes, got: str) -> None:
    path = write(tmp_path, [CITY])
    path.write_bytes(path.read_bytes() + (line if isinstance(line, bytes) else line.encode()) + b"\n")
    with pytest.raises(DataError, match="cannot be read") as error:
        read(path)
    assert error.value.where == f"{path}, line 2"
    assert got in error.value.got
    assert error.value.fix


@pytest.mark.parametrize("facts", [b"Q1\tP17\n", b"Q1 P17 Q2\n", b"Q1\tP17\t\xff\n", b"\n"])
def test_bad_line_of_facts_is_named(tmp_path: Path, facts: bytes) -> None:
    path = write(tmp_path, [CITY])
    (tmp_path / "facts.tsv.gz").write_bytes(gzip.compress(b"Q1\tP17\tQ2\n" + facts))
    with pytest.raises(DataError, match="facts") as error:
        read(path)
    assert error.value.where == f"{tmp_path / 'facts.tsv.gz'}, line 2"


def test_missing_paths_are_errors_with_a_fix(tmp_path: Path) -> None:
    for path, kind in ((None, ConfigError), (tmp_path / "none.jsonl", DataError), (tmp_path, DataError)):
        with pytest.raises(kind) as error:
            list(JSONL.entries(path))
        assert error.value.fix
    with pytest.raises(DataError) as error:
        joined([write(tmp_path, [CITY]), tmp_path / "none.jsonl"])
    assert error.value.where == str(tmp_path / "none.jsonl")


def test_real_table_is_read(shared_data: Path, tmp_path: Path) -> None:
    with gzip.open(shared_data / "kb" / "entities.jsonl.gz") as lines:
        sample = [next(lines) for _ in range(1000)]
    (tmp_path / "entities.jsonl").write_bytes(b"".join(sample))
    labels = {record["qid"]: record["labels"] for record in map(json.loads, sample)}
    expected = {qid: name for qid, names in labels.items() if (name := names.get("ru") or names.get("en"))}
    assert {entry.id: entry.name for entry in read(tmp_path / "entities.jsonl")} == expected
    assert len(expected) > 900
