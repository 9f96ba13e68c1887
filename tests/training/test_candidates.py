"""Candidates to train on: what a document itself taught the names is held out."""

from pathlib import Path

from relik_ml.index import PassageIndex
from relik_ml.names import NameIndex
from relik_ml.retriever import Retriever
from relik_ml.text import Morphology, windows
from relik_ml.training import held_out_candidates, learnt_names, losses
from relik_ml.types import Document, Entry
from tests.corpus import ENTITIES, RELATIONS, parse

OWN = Entry("Q999", "entity", "Зайцева", "человек")


def retriever(train: list[Document], folder: Path) -> Retriever:
    entries = [*ENTITIES, OWN, *RELATIONS]
    names = {"names": learnt_names(entries, train, {OWN.id}).arrays()}
    index = PassageIndex.build(entries, None, folder, extra=names)
    return Retriever(index, NameIndex(index.extra["names"], Morphology().lemma), None)


def test_a_document_meets_its_own_entities_as_if_it_were_new(tmp_path: Path) -> None:
    once = parse("once", "[Зайцева|PERSON|Q999] в [Минске|CITY|Q2280].")
    found = retriever([once], tmp_path / "index")
    items, kept = held_out_candidates(found, [once], 48, 32)
    assert [candidate.entry.id for candidate in items[0].entities] == ["Q2280"]
    assert (kept.mentions, kept.mentions_lost) == (2, 0)
    other = Document("other", once.text)
    assert {candidate.entry.id for candidate in found(windows(other, 48, 32))[0].entities} == {"Q2280", "Q999"}


def test_what_another_document_taught_stays(tmp_path: Path) -> None:
    twins = [parse(id, "[Зайцева|PERSON|Q999] уехала.") for id in ("a", "b")]
    items, _ = held_out_candidates(retriever(twins, tmp_path / "index"), twins, 48, 32)
    assert [[candidate.entry.id for candidate in item.entities] for item in items] == [["Q999"], ["Q999"]]


def test_what_windows_cut_off_is_counted(tmp_path: Path) -> None:
    long = parse("d", "[Анна|PERSON|-] " + "и " * 20 + "[Минск|CITY|Q2280]", "1 PLACE_OF_BIRTH 2")
    items, kept = held_out_candidates(retriever([long], tmp_path / "index"), [long], 8, 4)
    assert len(items) > 2
    assert (kept.mentions, kept.mentions_lost, kept.triples, kept.triples_lost) == (2, 0, 0, 1)
    assert losses(kept, {}).splitlines()[0] == "cut off by windows: 0 of 2 mentions (0.00 %), 1 of 1 triples (100.00 %)"
