"""Entities that no index knows, over several documents: found, decided by hand, and the same after any loading."""

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("pyoxigraph", reason="a store needs the extra relik-ml[graph]")
from relik_ml.data import write_documents
from relik_ml.graph import LocalThing, cluster, open_store, remove_documents
from relik_ml.types import Document, Link, Mention, Property, Span, Triple
from tests.cli.conftest import refused, run

REFERENT = "http://www.w3.org/2005/11/its/rdf#taIdentRef"
LUNIN, OTHER = "Пётр Лунин", "Анна Лунина"
TEXTS = {
    "встреча": ("Пётр Лунин приехал в Омск.", "Пётр Лунин", LUNIN),
    "завод": ("Завод принял инженера: П. Лунин пришёл в цех.", "П. Лунин", "П. Лунин"),
    "премия": ("Премию вручили Петру Лунину на заводе.", "Петру Лунину", LUNIN),
    "школа": ("Анна Лунина пришла в школу.", "Анна Лунина", OTHER),
}
"""The text of each document, how it mentions a person, and the name of that."""


def document(id: str) -> Document:
    """A document with a person whom no index knows, who works for an item."""
    text, surface, label = TEXTS[id]
    start = text.index(surface)
    who = Mention("T1", start, start + len(surface), "PERSON", link=Link("nil", label=label))
    last = text.rindex(" ") + 1
    where = Mention("T2", last, len(text) - 1, "ORGANIZATION", link=Link("linked", "Q5", "завод"))
    fact = Triple("T1", "WORKPLACE", "T2", Property("P108"), (Span(0, len(text)),), 0.9)
    return Document(id, text, "ru", (who, where), (), (fact,))


def load(folder: Path, *documents: Document) -> None:
    """Load documents by the command."""
    write_documents(documents, folder / "d.jsonl")
    assert run("graph", "load", folder / "d.jsonl", "--store", folder / "kg").exit_code == 0


def resolve(folder: Path) -> dict[str, str]:
    """Resolve by the command; the id of the person of each document. The store must be without fault."""
    assert run("graph", "resolve", "--store", folder / "kg").exit_code == 0
    return who(folder)


def who(folder: Path) -> dict[str, str]:
    """The person of each document."""
    checked = run("graph", "verify", "--store", folder / "kg")
    assert checked.exit_code == 0, checked.output
    where = "?e relik:type 'PERSON' . ?m itsrdf:taIdentRef ?e ; nif:referenceContext/relik:document ?d"
    query = f"SELECT DISTINCT ?d ?e {{ {where} }}"
    done = run("graph", "query", query, "--store", folder / "kg", "--format", "csv")
    rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
    return {id: entity.removeprefix("urn:relik-ml:entity:") for id, entity in rows}


def decide(folder: Path, *words: str) -> None:
    """Merge or split by the command."""
    done = run("graph", *words, "--store", folder / "kg")
    assert done.exit_code == 0, done.output


@pytest.fixture
def resolved(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    load(tmp_path, *map(document, TEXTS))
    return tmp_path, resolve(tmp_path)


def test_one_node_has_the_facts_of_all_documents(resolved: tuple[Path, dict[str, str]]) -> None:
    folder, ids = resolved
    assert len({ids[id] for id in ("встреча", "завод", "премия")}) == 1 != len({*ids.values()})
    for name in (LUNIN, "Петру Лунину", ids["завод"], f"urn:relik-ml:entity:{ids['завод']}"):
        done = run("graph", "facts", name, "--store", folder / "kg", "--format", "json")
        (fact,) = json.loads(done.stdout)
        assert {each["document"] for each in fact["sources"]} == {"встреча", "завод", "премия"}
        assert all(each["sentence"] == TEXTS[each["document"]][0] for each in fact["sources"])
    assert "1 linked, 2 nil" in run("graph", "info", "--store", folder / "kg").stdout
    assert run("graph", "path", LUNIN, OTHER, "--store", folder / "kg").stdout.count("\n") == 4


def test_ids_stay_when_documents_come_and_go(resolved: tuple[Path, dict[str, str]]) -> None:
    folder, ids = resolved
    load(folder, replace(document("школа"), id="а-школа", text="Иван Белов пришёл в школу", mentions=(), triples=()))
    assert resolve(folder) == ids
    with open_store(folder / "kg", write=True) as store:
        remove_documents(store, ["встреча", "завод", "премия"])
    assert resolve(folder) == {"школа": ids["школа"]}
    load(folder, *map(document, ("премия", "встреча", "завод")))
    assert who(folder) == ids, "before they are resolved again"
    assert resolve(folder) == ids


def test_decisions_survive_loading_and_resolving(resolved: tuple[Path, dict[str, str]]) -> None:
    folder, ids = resolved
    decide(folder, "split", LUNIN, "премия")
    apart = who(folder)
    assert apart["встреча"] == apart["завод"] == ids["завод"] != apart["премия"]
    assert resolve(folder) == apart, "the initials are now those of two people"
    decide(folder, "merge", ids["встреча"], apart["премия"])
    decide(folder, "split", LUNIN, "завод")
    apart = who(folder)
    assert apart["встреча"] == apart["премия"] == ids["встреча"] != apart["завод"] != apart["школа"]
    decide(folder, "merge", OTHER, apart["завод"])
    both = who(folder)
    assert both["завод"] == both["школа"] == ids["школа"]
    with open_store(folder / "kg", write=True) as store:
        remove_documents(store, ["школа", "завод"])
    load(folder, document("школа"), replace(document("завод"), meta={"again": True}))
    assert who(folder) == both
    assert resolve(folder) == both
    decide(folder, "merge", LUNIN, ids["школа"])
    assert set(resolve(folder).values()) == {ids["встреча"]}


def test_decisions_need_no_resolving_before(tmp_path: Path) -> None:
    load(tmp_path, *map(document, TEXTS))
    decide(tmp_path, "merge", "П. Лунин", OTHER)
    assert len({*who(tmp_path).values()}) == 3
    decide(tmp_path, "split", OTHER, "завод")
    found = resolve(tmp_path)
    assert found["встреча"] == found["завод"] == found["премия"] != found["школа"]


def test_faults_of_merged_triples_are_found(resolved: tuple[Path, dict[str, str]]) -> None:
    folder, ids = resolved
    with open_store(folder / "kg", write=True) as store:
        store.database.update(f"DELETE WHERE {{ ?mention <{REFERENT}> <urn:relik-ml:entity:{ids['школа']}> }}")
    assert "members" in run("graph", "verify", "--store", folder / "kg").stdout


@pytest.mark.parametrize(("words", "part"), [
    (("merge", LUNIN, "Q5"), "item"), (("split", OTHER, "школа"), "other document"),
    (("split", LUNIN, "школа"), "'завод'"), (("merge", LUNIN, "Лунин"), "no such thing"),
])  # fmt: skip
def test_impossible_decisions_are_refused(
    resolved: tuple[Path, dict[str, str]], words: tuple[str, ...], part: str
) -> None:
    refused(run("graph", *words, "--store", resolved[0] / "kg"), 3, part)


def test_a_damaged_file_of_ids_is_refused(resolved: tuple[Path, dict[str, str]]) -> None:
    (resolved[0] / "kg" / "entities.json").write_text("{")
    refused(run("graph", "resolve", "--store", resolved[0] / "kg"), 5, "entities.json")


@pytest.mark.parametrize(("type", "one", "other", "same"), [
    ("COUNTRY", "Чили", "чилийского", True), ("COUNTRY", "Чили", "Чад", False), ("CITY", "Melbourne", "Мельбурн", True),
    ("PERSON", "В. Орлов", "Виктор Орлов", True), ("PERSON", "А. Орлов", "Виктор Орлов", False),
    ("PERSON", "Орлова", "Виктор Орлов", True), ("PERSON", "Виктор", "Виктор Орлов", False),
    ("ORGANIZATION", "ИФ", "Институт физики", False),
])  # fmt: skip
def test_names_that_are_one_entity(type: str, one: str, other: str, same: bool) -> None:
    from relik_ml.text import Morphology

    things = [LocalThing("1", type, (one,)), LocalThing("2", type, (other,))]
    assert (len(cluster(things, Morphology().lemma)) == 1) == same


def test_a_fact_that_gives_two_names_joins_both_everywhere() -> None:
    names = {"1": "ИФ", "2": "Институт физики", "3": "ИФ", "4": "Институт физики", "5": "Институт химии"}
    things = [LocalThing(id, "ORGANIZATION", (name,), ("2",) * (id == "1")) for id, name in names.items()]
    for order in permutations(things):
        assert cluster(order, str.lower) == [["1", "2", "3", "4"], ["5"]]


def test_what_is_apart_never_meets() -> None:
    source = Random(0)
    for _ in range(200):
        things = [LocalThing(f"{n}", "CITY", (source.choice(("Орёл", "Тула", "Омск")),)) for n in range(8)]
        apart = {("0", f"{n}") for n in source.sample(range(1, 8), 2)} | {("5", "6")}
        found = cluster(things, str.lower, [("1", "2")], apart - {("1", "2")})
        homes = {id: at for at, group in enumerate(found) for id in group}
        assert len(homes) == 8
        assert homes["1"] == homes["2"]
        assert all(homes[one] != homes[other] for one, other in apart)
