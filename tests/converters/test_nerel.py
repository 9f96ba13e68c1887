"""The NEREL converter: every quirk on sentences of our own, every count on the corpus where it is at hand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, StrictReport, check, document_from_json, document_to_json
from relik_ml.errors import DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Entity, Link, Property, Span, Triple

CORPUS = Path(__file__).parent / "nerel"


def read(split: str, report: Report | None = None, source: Path = CORPUS, **switches: bool) -> dict[str, Document]:
    converter: Any = load_converter("nerel")
    documents = replace(converter, **switches).read(source, split, Report() if report is None else report)
    return {document.id: document for document in documents}


@pytest.fixture(scope="module")
def page() -> Document:
    return read("train")["nerel/train/101_text"]


def links(document: Document) -> dict[str, Link]:
    return {mention.id: mention.link for mention in document.mentions}


def write(folder: Path, name: str, text: str, *lines: str, end: str = "\n") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_bytes(text.encode())
    (folder / f"{name}.ann").write_bytes("".join(line + end for line in lines).encode())


def test_ids_meta_and_what_is_complete(page: Document) -> None:
    assert page.annotated == Annotated("complete", "complete", "complete", "none", "partial")
    assert {name: page.meta[name] for name in ("dataset", "split", "source", "licence")} == {
        "dataset": "nerel", "split": "train", "source": "101_text.ann", "licence": "CC BY 2.5",
    }  # fmt: skip
    assert "licence" not in read("train")["nerel/train/303"].meta


def test_text_is_kept_exactly() -> None:
    documents = read("train") | read("dev")
    assert len(documents) == 4
    for document in documents.values():
        _, split, stem = document.id.split("/")
        assert document.text.encode() == (CORPUS / split / f"{stem}.txt").read_bytes()
        assert check(document) == []
        assert document_from_json(document_to_json(document), "here") == document


def test_fragments_keep_their_order_in_an_envelope(page: Document) -> None:
    mentions = {mention.id: mention for mention in page.mentions}
    assert (mentions["T10"].span, mentions["T10"].fragments) == (Span(98, 117), (Span(98, 103), Span(113, 117)))
    assert (mentions["T11"].span, mentions["T11"].fragments) == (Span(78, 97), (Span(89, 97), Span(78, 88)))
    assert mentions["T8"].fragments == ()
    surfaces = [page.surface(mentions[id]) for id in ("T3", "T10", "T11")]
    assert surfaces == ["Антон\u00a0Чехов", "жил в Ялте", "писатель российский"]


def test_the_four_link_states(page: Document) -> None:
    found = links(page)
    assert found["T1"] == Link("linked", "Q5685", "Антон Павлович Чехов")
    assert found["T3"] == Link("linked", "Q5685", None)
    assert found["T9"] == Link("nil")  # MULL
    assert found["T7"] == Link("unknown")  # its only reference is P106, a property
    assert found["T4"] == Link("unlinkable")  # a date, and its QID is an error
    assert found["T10"] == Link("unknown")  # an event: NEREL links none
    assert found["T12"] == Link("unknown")  # its only reference is broken
    assert links(read("train")["nerel/train/303"])["T3"] == Link("nil")  # null
    assert links(read("dev")["nerel/dev/404_text"])["T1"] == Link("nil")  # NULL


def test_links_are_repaired_and_make_entities(page: Document) -> None:
    same = "same-link"
    assert page.entities == (Entity("E1", ("T1", "T3"), same), Entity("E2", ("T2", "T5"), same))
    found = links(page)
    assert found["T2"].id == found["T5"].id == "Q37996"  # brackets at a QID
    assert found["T8"] == Link("linked", "Q649", "Москва", ("Q1837906",))  # of several, the usual one for the lemma
    assert links(read("train")["nerel/train/202_text"])["T4"] == Link("linked", "Q649", "Москва")  # NULL beside a QID


def test_links_are_ranked_by_lemma_then_frequency_then_order(tmp_path: Path) -> None:
    copied = ["T1\tCITY 0 6\tМоскву", "N1\tReference T1 Wikidata:Q2\t", "N2\tReference T1 Wikidata:Q1\tгород"]
    mayor = ["T2\tORGANIZATION 0 5\tМэрия", "N3\tReference T2 Wikidata:Q2\t"]
    write(tmp_path / "train", "a", "Москву", *copied)
    assert links(read("train", source=tmp_path)["nerel/train/a"])["T1"].id == "Q2", "no votes: the earlier line"
    for name in "bc":
        write(tmp_path / "train", name, "Мэрия", *mayor)
    write(tmp_path / "train", "d", "Мэры Москвы", "T1\tCITY 5 11\tМосквы", "N1\tReference T1 Wikidata:Q1\t")
    found = links(read("train", source=tmp_path)["nerel/train/a"])["T1"]
    assert found == Link("linked", "Q1", "город", ("Q2",)), "one vote for the lemma beats two for other names"
    write(tmp_path / "train", "d", "Мэры Москвы", "T1\tPERSON 5 11\tМосквы", "N1\tReference T1 Wikidata:Q1\t")
    assert links(read("train", source=tmp_path)["nerel/train/a"])["T1"].id == "Q2", "another type is another name"


def test_triples_carry_property_direction_and_evidence(page: Document) -> None:
    title, birth, life = Span(0, 17), Span(19, 71), Span(72, 118)
    assert page.triples == (
        Triple("T3", "PLACE_OF_BIRTH", "T5", Property("P19"), (birth,)),
        Triple("T3", "DATE_OF_BIRTH", "T4", Property("P569"), (birth,)),
        Triple("T1", "WORKS_AS", "T7", Property("P106"), (title, life)),
        Triple("T7", "SUBORDINATE_OF", "T3", None, (birth, life)),
        Triple("T10", "AGENT", "T7", Property("P710", inverse=True), (life,)),
    )


def test_evidence_leaves_out_the_sentences_between(tmp_path: Path) -> None:
    lines = ["T1\tPERSON 0 4\tАнна", "T2\tCITY 29 34\tОмске", "R1\tPLACE_RESIDES_IN Arg1:T1 Arg2:T2\t"]
    write(
        tmp_path / "dev", "a", "Анна уехала.\nПрошёл год.\nВ Омске снег.", *(x.replace("29 34", "27 32") for x in lines)
    )
    (triple,) = read("dev", source=tmp_path)["nerel/dev/a"].triples
    assert triple.evidence == (Span(0, 12), Span(25, 38))


def test_everything_repaired_or_dropped_is_counted() -> None:
    report = Report()
    page = read("train", report)["nerel/train/101_text"]
    assert report.tally() == {
        "line that is no annotation: skipped": 2,
        "duplicate triple: dropped": 1,
        "relation of a mention that is not there: dropped": 1,
        "link of a mention that is not there: dropped": 1,
        "bracket at a QID: stripped": 2,
        "link on a type that carries none: dropped": 1,
        "link to no item: dropped": 1,
        "NULL misspelt: read as NIL": 2,
        "several QIDs: the likeliest taken": 1,
        "NULL beside a QID: NULL dropped": 1,
        "mention whose surface is not in the text: dropped": 2,
        "mention id used before: dropped": 1,
    }
    assert report.defects["duplicate triple: dropped"].examples == ["train/101_text.ann:15  PLACE_OF_BIRTH T3 T5"]
    assert page.meta["repairs"]["bracket at a QID: stripped"] == 2
    assert "NULL beside a QID: NULL dropped" not in page.meta["repairs"], "a document counts only its own"
    kept = ("documents", "mentions", "mentions discontinuous", "mentions linked", "mentions nil", "triples")
    assert [report.counts[name] for name in kept] == [3, 19, 2, 11, 2, 5]
    skipped = Report()
    read("dev", skipped)
    assert skipped.defects["text or annotation alone: skipped"].examples == ["dev/505_text"]


def test_strict_accepts_what_is_merely_unusual(tmp_path: Path) -> None:
    lines = ["T1\tPERSON 0 4\tАнна", "T2\tFAMILY 0 4;7 9\tАнна Ян", "N1\tReference T1 Wikidata:NULL\t"]
    write(tmp_path / "train", "a", "Анна\u00a0и Ян", *lines, end="\r\n")  # as Windows ends lines
    page = read("train", StrictReport(), tmp_path)["nerel/train/a"]
    assert links(page) == {"T1": Link("nil"), "T2": Link()}


@pytest.mark.parametrize("depth", ["", "NEREL-v1.1"])
def test_a_clone_and_a_folder_of_splits_are_both_found(tmp_path: Path, depth: str) -> None:
    write(tmp_path / depth / "dev", "a", "Анна")
    (tmp_path / depth / "train").mkdir()
    assert load_converter("nerel").locate(tmp_path) == {"dev": tmp_path / depth / "dev"}


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "train", "a", "Анна")
    (tmp_path / "train" / "a.txt").write_bytes("Анна".encode("cp1251"))
    with pytest.raises(DataError, match=r"not UTF-8\n.*a\.txt\n.*0xc0"):
        read("train", source=tmp_path)


# The corpus itself


@pytest.fixture(scope="module", params=["train", "dev"])
def real(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, list[Document], Report]:
    report = Report()
    documents = list(load_converter("nerel").read(shared_data / "nerel", request.param, report))
    return request.param, documents, report


COUNTS: Mapping[str, Mapping[str, int]] = {
    "train": {
        "documents": 746, "characters": 1_210_575, "mentions": 44_867, "mention lines": 44_867,
        "relation lines": 31_388, "triples": 31_287, "mentions linked": 26_088, "mentions nil": 4_620,
        "mentions unlinkable": 7_728, "mentions unknown": 6_431, "mentions discontinuous": 127,
        "mentions with fragments out of order": 8, "texts with U+00A0": 376, "texts without a final newline": 53,
    },
    "dev": {
        "documents": 94, "characters": 143_298, "mentions": 5_590, "mention lines": 5_590,
        "relation lines": 4_012, "triples": 3_995, "mentions linked": 3_023, "mentions nil": 560,
        "mentions unlinkable": 1_019, "mentions unknown": 988, "mentions discontinuous": 7,
        "mentions with fragments out of order": 0, "texts with U+00A0": 52, "texts without a final newline": 7,
    },
}  # fmt: skip

DEFECTS: Mapping[str, Mapping[str, int]] = {
    "train": {
        "duplicate triple: dropped": 101, "link on a type that carries none: dropped": 29,
        "NULL beside a QID: NULL dropped": 25, "several QIDs: the likeliest taken": 58,
        "link to no item: dropped": 1, "bracket at a QID: stripped": 3, "NULL misspelt: read as NIL": 2,
        "line that is no annotation: skipped": 2,
    },
    "dev": {
        "duplicate triple: dropped": 17, "link on a type that carries none: dropped": 13,
        "link given twice: one kept": 2,
    },
}  # fmt: skip


def test_counts_of_the_corpus(real: tuple[str, list[Document], Report]) -> None:
    split, documents, report = real
    assert {name: report.counts[name] for name in COUNTS[split]} == COUNTS[split]
    assert report.tally() == DEFECTS[split]
    assert sum((Counter(document.meta["repairs"]) for document in documents), Counter()) == DEFECTS[split]


def test_corpus_is_sound(real: tuple[str, list[Document], Report]) -> None:
    split, documents, _ = real
    assert [(document.id, faults) for document in documents if (faults := check(document))] == []
    assert all(triple.evidence for document in documents for triple in document.triples)
    licensed = sum(document.meta.get("licence") == "CC BY 2.5" for document in documents)
    assert licensed == {"train": 661, "dev": 84}[split]
