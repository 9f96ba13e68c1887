"""NYT: both layouts on sentences of our own. The corpus is licensed by the LDC and was not at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, check
from relik_ml.errors import DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Property, Span

TEXT = "Anna Petrová of Omsk , who was born in Tver , Russia , left Omsk ."
BORN, LIVED, CONTAINS = "/people/person/place_of_birth", "/people/person/place_lived", "/location/location/contains"
FACTS = [("Anna Petrova", BORN, "Tver"), ("Anna Petrová", LIVED, "Omsk"), ("Russia", CONTAINS, "Tver")]
TYPES = {"Anna Petrová": "PERSON", "Tver": "LOCATION", "Omsk": "LOCATION", "Russia": "LOCATION"}


def by_name(more: str = "") -> dict[str, Any]:
    """The layout without places; one accent is missing, as in the corpus."""
    names = [{"start": n, "text": text, "label": type} for n, (text, type) in enumerate(TYPES.items())]
    relations = [{"em1Text": one, "em2Text": other, "label": name} for one, name, other in FACTS]
    return {"sentText": f"{TEXT} {more}\r\n", "sentId": "1", "entityMentions": names, "relationMentions": relations}


def by_place(more: str = "") -> dict[str, Any]:
    """The layout with token spans."""
    anna, tver, omsk, russia = [0, 2, "PERSON"], [9, 10, "LOCATION"], [3, 4, "LOCATION"], [11, 12, "LOCATION"]
    details = [[*anna, BORN, *tver], [*anna, LIVED, *omsk], [*russia, CONTAINS, *tver]]
    return {"tokens": f"{TEXT} {more}".split(), "spo_list": FACTS, "spo_details": details, "pos_tags": ["NN"] * 15}


def read(folder: Path, *records: Any, report: Report | None = None) -> list[Document]:
    path = folder / "raw_train.json"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return list(load_converter("nyt").read(path, "train", report or Report()))


def facts(document: Document) -> list[tuple[str, str, str, int]]:
    found = {mention.id: mention for mention in document.mentions}
    ends = [(found[t.subject], t.relation, found[t.object]) for t in document.triples]
    return [(document.surface(one), name, document.surface(other), other.start) for one, name, other in ends]


def test_both_layouts_give_the_same_relations(tmp_path: Path) -> None:
    report = Report()
    named, placed = read(tmp_path, by_name(), by_place(), report=report)
    assert (check(named), check(placed)) == ([], [])
    assert (named.id, placed.id) == ("nyt/train/1", "nyt/train/2")
    assert named.text == placed.text == TEXT
    assert named.annotated == placed.annotated == Annotated("partial", "silver", "none", "none", "silver")
    anna, tver, omsk = "Anna Petrová", TEXT.index("Tver"), TEXT.index("Omsk")
    expected = [(anna, BORN, "Tver", tver), (anna, LIVED, "Omsk", omsk), ("Russia", CONTAINS, "Tver", tver)]
    assert facts(named) == facts(placed) == expected
    assert [t.property for t in named.triples] == [Property("P19"), Property("P551"), Property("P131", inverse=True)]
    assert {t.evidence for t in placed.triples} == {(Span(0, len(TEXT)),)}
    assert [named.surface(m) for m in named.mentions].count("Omsk") == 2, "names without a place are all of them"
    assert dict(report.tally()) == {"name several times in the text: a mention each": 1}


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    named, placed, report = by_name(), by_place(), Report()
    named["entityMentions"] = [*named["entityMentions"][1:], {"text": "Moscow", "label": "LOCATION"}]
    more = [("Russia", CONTAINS, "Moscow"), ("Tver", "None", "Omsk"), ("Tver", CONTAINS, "Tver"), FACTS[2]]
    named["relationMentions"] += [{"em1Text": one, "label": name, "em2Text": other} for one, name, other in more]
    placed["spo_details"].append([0, 2, "PERSON", LIVED, 40, 41, "LOCATION"])
    first, second = read(tmp_path, named, placed, report=report)
    assert (len(first.triples), len(second.triples)) == (3, 3)
    assert first.mentions[-1].type == "ENTITY"
    assert report.counts["pairs without a relation: left out"] == 1
    assert dict(report.tally()) == {
        "argument not among the entities: added": 1, "name not in the text: dropped": 1,
        "name several times in the text: a mention each": 1, "mention outside the text: dropped": 1,
        "relation of an entity without a mention: dropped": 2, "relation of an entity to itself: dropped": 1,
        "duplicate relation: dropped": 1,
    }  # fmt: skip


BAD: list[dict[str, Any]] = [
    {"sentText": None}, {"sentText": 7}, {"entityMentions": [{"text": "Tver"}]}, {"relationMentions": None},
    {"relationMentions": [{"em1Text": "", "em2Text": "Tver", "label": BORN}]}, {"spo_details": [[0, 1]]},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD)
def test_a_wrong_shape_is_an_error_at_its_line(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, by_name(), {**by_name(), **wrong})
    assert caught.value.where == "raw_train.json:2"
