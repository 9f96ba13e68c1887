"""Composed biographies: what is marked is what the sentence says, and only people with facts occur."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, check
from relik_ml.errors import CorpusNotFound
from relik_ml.plugins import load_converter
from relik_ml.types import Document

NAMES = {
    "Q1": ("Анна Ахматова", "Q5"), "Q2": ("Чехов, Антон Павлович", "Q5"), "Q3": ("Безродный Иван", "Q5"),
    "Q4": ("Одесса", "Q515"), "Q5": ("Таганрог", "Q515"), "Q6": ("Новый Оскол", "Q515"), "Q7": ("Франция", "Q6256"),
    "Q8": ("поэт", "Q28640"), "Q9": ("врач", "Q28640"), "Q10": ("Мари Кюри", "Q5"),
}  # fmt: skip
FACTS = [
    "Q1 P19 Q4", "Q1 P106 Q8", "Q2 P19 Q5", "Q2 P106 Q9", "Q2 P20 Q7", "Q3 P106 Q8", "Q3 P19 Q6", "Q10 P106 Q9",
    "Q10 P20 Q4", "Q10 P69 Q4",
]  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with gzip.open(tmp_path / "entities.jsonl.gz", "wt", encoding="utf-8") as file:
        for qid, (name, type) in NAMES.items():
            file.write(json.dumps({"qid": qid, "labels": {"ru": name}, "types": [type]}) + "\n")
    with gzip.open(tmp_path / "facts.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines("\t".join(fact.split()) + "\tours\n" for fact in FACTS)
    return tmp_path


def read(source: Path, seed: int = 1) -> list[Document]:
    converter: Any = load_converter("biographies")
    return list(type(converter)(seed=seed).read(source, "train", Report()))


def facts(document: Document) -> set[tuple[str, str, str]]:
    surfaces = {mention.id: document.surface(mention) for mention in document.mentions}
    return {(surfaces[t.subject], t.relation, surfaces[t.object]) for t in document.triples}


def test_only_people_with_an_occupation_and_a_city_are_told_of(source: Path) -> None:
    found = {document.id.removeprefix("biographies/") for document in read(source)}
    assert found == {"Q1", "Q2", "Q10"}, "Q3 was born in a city of two words"


@pytest.mark.parametrize("seed", range(12))
def test_facts_are_those_of_the_table(source: Path, seed: int) -> None:
    for document in read(source, seed):
        assert check(document) == []
        told = {relation: object_ for _, relation, object_ in facts(document)}
        name, city = {"Q1": ("Ахматова", "Одесс"), "Q2": ("Чехов", "Таганрог"), "Q10": ("Кюри", "Одесс")}[
            document.id.removeprefix("biographies/")
        ]
        place = "PLACE_OF_DEATH" if name == "Кюри" else "PLACE_OF_BIRTH"
        assert told[place].startswith(city)
        assert "Франция" not in document.text, "a country is no city"
        assert "DATE_OF_BIRTH" in told
        assert all(name in subject for subject, relation, _ in facts(document) if relation == place)
        if "родил" in document.text:
            assert told["PARTICIPANT_IN"]
        else:
            assert told["WORKS_AS"] in ("поэт", "врач")


def test_one_seed_gives_the_same_documents(source: Path) -> None:
    assert read(source, 3) == read(source, 3)
    assert read(source, 3) != read(source, 4)


def test_a_folder_without_facts_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFound, match=r"facts\.tsv\.gz"):
        load_converter("biographies").locate(tmp_path)
