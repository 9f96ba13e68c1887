"""Documents on disk: exact round trips, a checker that refuses, and files that are whole or absent."""

import datetime
import errno
import json
import math
import re
from contextlib import suppress
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.data import (
    atomic_folder,
    atomic_path,
    document_from_json,
    document_to_json,
    read_documents,
    read_entries,
    resumable_folder,
    sha256,
    write_documents,
    write_entries,
)
from relik_ml.errors import DataError, OutputError
from relik_ml.types import (
    Annotated,
    Document,
    Entity,
    Entry,
    Link,
    LinkCandidate,
    Mention,
    Property,
    Span,
    Triple,
    Value,
)

TEXT = "Писатель Антон Чехов родился в Таганроге 29 января 1860 года."
CHEKHOV = Mention("T1", 9, 20, "PERSON", link=Link("linked", "Q5685", "Антон Чехов", ("Q1",), 0.5), score=1.0)
TAGANROG = Mention("T2", 31, 40, "CITY", link=Link("nil"))
BORN = Mention("T3", 41, 60, "DATE", (Span(44, 60), Span(41, 43)), Link("unlinkable"), Value("date", "29", "1860"))
DOCUMENT = Document(
    id="чехов",
    text=TEXT,
    mentions=(CHEKHOV, TAGANROG, BORN),
    entities=(Entity("E1", ("T1",), "same-link"),),
    triples=(Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 61),), 2.5e-7),),
    annotated=Annotated(mentions="complete", triples="partial"),
    meta={"source": "чехов.ann", "repairs": {"a": 1}, "list": [None, True, 0.5, "ё"]},
)


def test_a_dictionary_of_a_document_is_its_json() -> None:
    record = DOCUMENT.to_dict()
    assert record == document_to_json(DOCUMENT)
    assert Document.from_dict(record) == Document.from_dict(json.loads(json.dumps(record))) == DOCUMENT
    for wrong, name in (({**record, "author": "Чехов"}, "author"), ({"id": "d"}, "text")):
        with pytest.raises(TypeError, match=name):
            Document.from_dict(wrong)


def test_a_fact_has_names_ids_and_the_sentence() -> None:
    (fact,) = DOCUMENT.facts()
    assert (fact.subject.name, fact.subject.id, fact.subject.status) == ("Антон Чехов", "Q5685", "linked")
    assert (fact.object.name, fact.object.id, fact.object.start) == ("Таганроге", None, 31)
    assert (fact.relation, fact.property, fact.sentence, fact.score) == (
        "PLACE_OF_BIRTH",
        Property("P19"),
        TEXT,
        2.5e-7,
    )


PIECES = ["а", "Ё", "е\u0308", "z", " ", "\u00a0", "\u00ad", "\ufeff", "\r\n", "\n", "\r", "\u2028", "\x85", "\0"]
PIECES += ["😀", "👩\u200d🚀", "🏳️\u200d🌈", "\t", '"', "\\", "\\ud83d", "\x1f", "\x7f"]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=20).map("".join)
SCORES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
LISTS = st.lists(TEXTS, max_size=2).map(tuple)
CANDIDATES = st.lists(st.builds(LinkCandidate, TEXTS, st.none() | TEXTS, SCORES), max_size=2).map(tuple)
LINKS = st.builds(Link, st.sampled_from(["nil", "unlinkable", "unknown"]), candidates=CANDIDATES)
LINKS |= st.builds(Link, st.just("linked"), TEXTS, st.none() | TEXTS, LISTS, SCORES, CANDIDATES)
LAYERS = st.sampled_from(["complete", "partial", "silver", "none"])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any sound document."""
    text = draw(TEXTS)
    bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).filter(lambda b: b[0] != b[1])
    spans = st.lists(bounds.map(lambda b: Span(min(b), max(b))), max_size=4)
    mentions = []
    for number, fragments in enumerate(draw(st.lists(spans.filter(bool), max_size=4))):
        envelope = min(f.start for f in fragments), max(f.stop for f in fragments)
        kept = tuple(fragments) if len(fragments) > 1 else ()
        value = draw(st.none() | st.builds(Value, TEXTS, TEXTS, TEXTS, st.none() | TEXTS))
        mentions.append(Mention(f"T{number}", *envelope, draw(TEXTS), kept, draw(LINKS), value, draw(SCORES)))
    ids = st.sampled_from([mention.id for mention in mentions]) if mentions else st.nothing()
    stated = st.none() | st.builds(Property, TEXTS, st.booleans())
    triple = st.builds(Triple, ids, TEXTS, ids, stated, spans.map(tuple), SCORES)
    members = st.lists(ids, max_size=3 if mentions else 0).map(tuple)
    return Document(
        draw(TEXTS), text, draw(TEXTS), tuple(mentions),
        tuple(Entity(f"E{n}", draw(members), draw(TEXTS)) for n in range(draw(st.integers(0, 2)))),
        tuple(draw(st.lists(triple, max_size=3))) if mentions else (),
        draw(st.builds(Annotated, LAYERS, LAYERS, LAYERS, LAYERS, LAYERS, st.booleans())),
        draw(st.dictionaries(TEXTS, SCORES | st.integers() | st.booleans() | st.lists(TEXTS, max_size=2), max_size=2)),
    )  # fmt: skip


def reference(document: Document) -> str:
    """What a line holds, by the standard library alone: the fields of the values in the order of the schema."""
    record: dict[str, Any] = {"schema": "relik-ml/1", **_ordered(asdict(document), "id lang text mentions entities")}
    record |= _ordered(asdict(document), "triples annotated meta")
    record["mentions"] = [_ordered(m, "id start stop fragments type score link value") for m in record["mentions"]]
    for mention in record["mentions"]:
        if mention["value"] is None:
            del mention["value"]
        if not mention["link"]["candidates"]:
            del mention["link"]["candidates"]
    if not record["annotated"]["entity_triples"]:
        del record["annotated"]["entity_triples"]
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _ordered(record: dict[str, Any], names: str) -> dict[str, Any]:
    return {name: record[name] for name in names.split()}


@given(documents())
def test_every_document_survives_and_its_line_is_as_documented(document: Document) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "one.jsonl")
        pair = [document, replace(document, id=document.id + "2")]
        assert write_documents(pair, path) == 2
        assert list(read_documents(path)) == pair
        assert path.read_bytes().decode() == "".join(f"{reference(each)}\n" for each in pair)
    assert document_to_json(document) == json.loads(reference(document)) == document.to_dict()
    assert Document.from_dict(json.loads(reference(document))) == document


def test_entries_survive_and_are_checked(tmp_path: Path) -> None:
    entries = [Entry("Q1", "entity", "Чехов", aliases=("Антоша",), types=("Q5",), popularity=0.5)]
    entries.append(Entry("P19", "relation", "место рождения", "где родился"))
    assert write_entries(entries, tmp_path / "e.jsonl") == 2
    assert list(read_entries(tmp_path / "e.jsonl")) == entries
    for wrong in ('"kind": "thing", "name": "x"', '"kind": "type"', '"kind": "type", "name": "x", "colour": 1'):
        (tmp_path / "e.jsonl").write_text(f'{{"id": "Q1", {wrong}}}\n')
        with pytest.raises(DataError) as caught:
            list(read_entries(tmp_path / "e.jsonl"))
        assert "line 1" in caught.value.where


GOOD = json.dumps(document_to_json(DOCUMENT), ensure_ascii=False)


def changed(**fields: Any) -> str:
    return json.dumps(document_to_json(DOCUMENT) | fields)


def mention(**fields: Any) -> str:
    return changed(mentions=[document_to_json(DOCUMENT)["mentions"][0] | fields], entities=[], triples=[])


def triples(**fields: Any) -> str:
    return changed(triples=[{"subject": "T1", "relation": "R", "object": "T2"} | fields])


BAD: list[tuple[str | bytes, str]] = [
    (GOOD.encode()[:200], "JSON"), (b"", "JSON"), (b"\xef\xbb\xbf" + GOOD.encode(), "JSON"),
    (GOOD.encode("cp1251", "replace"), "not UTF-8"), (b"[" * 100_000, ""), (b"9" * 5_000, ""),
    (b"null", "`null`"), (b"[]", "`array`"), (b'"\\ud83d"', "surrogate"),
    (mention(score=math.nan), "JSON"), (mention(score=math.inf), "JSON"),
    (mention(score=1).replace('"score": 1,', '"score": 1e999,'), "out of range"),
    (mention(score=10**400), "score"), (mention(score="0.5"), "mentions[0].score"),
    (mention(start="9"), "mentions[0].start"), (mention(start=True), "mentions[0].start"),
    (mention(start=9.0), "mentions[0].start"), (mention(start=None), "mentions[0].start"),
    (mention(start=20), "empty or backwards"), (mention(start=-1), "outside the text"),
    (mention(stop=900), "outside the text of 61 characters"), (mention(type="\ud800"), "surrogate"),
    (mention(fragments=[[9, 12], [14, 21]]), "envelope"), (mention(fragments=[[9, 12, 13]]), "fragments"),
    (mention(fragments=[["9", 12]]), "fragments"), (mention(fragments={}), "fragments"),
    (mention(link={"status": "linked"}), "linked without an id"), (mention(link="Q1"), "link"),
    (mention(link={"status": "nil", "id": "Q1"}), "nil but with the id 'Q1'"),
    (mention(link={"status": "maybe"}), "link.status"), (mention(link={"id": "Q1"}), "with the id 'Q1'"),
    (mention(colour="red"), "'colour'"), (mention(schema="relik-ml/1"), "'schema'"),
    (mention(link={"status": "nil", "colour": 1}), "'colour'"), (changed(schema="relik-ml/9"), "relik-ml/9"),
    (changed(id=5), "id"), (changed(id=""), "no id"), (changed(text=None), "text"), (changed(meta=[]), "meta"),
    (changed(meta={"half": "\udc00"}), "surrogate"), (changed(mentions=[3]), "mentions[0]"),
    (changed(mentions=document_to_json(DOCUMENT)["mentions"] * 2), "used 2 times"),
    (changed(entities=[{"id": "E1", "mentions": ["T9"]}]), "no mention 'T9'"),
    (changed(entities=[{"id": "E1", "mentions": [1]}]), "entities[0].mentions[0]"),
    (triples(object="T9"), "no mention 'T9'"), (triples(evidence=[[0, 99]]), "[0, 99) lies outside"),
    (triples(property={"id": "P1", "inverse": 1}), "property.inverse"),
    (changed(annotated={"links": "mostly"}), "annotated.links"), (changed(annotated={"moods": "none"}), "'moods'"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), BAD)
def test_a_bad_line_is_one_clear_error(tmp_path: Path, line: str | bytes, said: str) -> None:
    path = tmp_path / "d.jsonl"
    other = json.dumps(document_to_json(replace(DOCUMENT, id="another"))).encode()
    path.write_bytes(other + b"\n" + (line.encode() if isinstance(line, str) else line) + b"\n")
    found = read_documents(path)
    assert next(found).id == "another"
    with pytest.raises(DataError) as caught:
        next(found)
    assert said in str(caught.value)
    assert f"{path}, line 2" in caught.value.where
    assert caught.value.got
    assert caught.value.fix


@given(st.binary(max_size=60))
def test_any_bytes_are_documents_or_a_data_error(content: bytes) -> None:
    with TemporaryDirectory() as folder, suppress(DataError):
        Path(folder, "d.jsonl").write_bytes(content)
        list(read_documents(Path(folder, "d.jsonl")))


FIELDS = st.sampled_from([*document_to_json(DOCUMENT), "start", "link"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner))


@given(VALUES)
def test_any_json_is_a_document_or_a_data_error(value: Any) -> None:
    record = {"schema": "relik-ml/1", "id": "a", "text": "б"}
    for candidate in (value, record | value if isinstance(value, dict) else value, record | {"mentions": value}):
        with suppress(DataError):
            assert isinstance(document_from_json(candidate, "here"), Document)


def test_missing_files_and_repeated_ids_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with pytest.raises(DataError, match="one id"):
        write_documents([DOCUMENT, DOCUMENT], path)
    assert list(tmp_path.iterdir()) == []
    for missing in (path, tmp_path):
        with pytest.raises(DataError, match=re.escape(str(missing))):
            list(read_documents(missing))
    with pytest.raises(DataError):
        sha256(path)
    path.write_text(f"{GOOD}\n{GOOD}\n", encoding="utf-8")
    with pytest.raises(DataError, match="one id"):
        list(read_documents(path))


@pytest.mark.parametrize("broken", [
    replace(DOCUMENT, text="😀"),
    replace(DOCUMENT, text=f"{TEXT}\ud800"),
    *(replace(DOCUMENT, meta={"key": v}) for v in (object(), datetime.date(2020, 1, 1), b"", math.nan, "\ud83d")),
    *(
        replace(DOCUMENT, mentions=(replace(CHEKHOV, **field), TAGANROG, BORN))
        for field in ({"score": math.inf}, {"score": Fraction(1, 2)}, {"start": 9.5}, {"type": None})
    ),
])  # fmt: skip
def test_what_cannot_be_read_back_is_not_written(tmp_path: Path, broken: Document) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text("old")
    with pytest.raises(DataError, match="document 'чехов'"):
        write_documents([replace(DOCUMENT, id="first"), broken], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_outputs_that_cannot_be_written_are_output_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    for path in (tmp_path, tmp_path / "file" / "d.jsonl", tmp_path / ("x" * 300) / "d.jsonl", Path("/dev/null")):
        with pytest.raises(OutputError) as caught:
            write_documents([DOCUMENT], path)
        assert caught.value.where == str(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    write_documents([DOCUMENT], tmp_path / "new" / "deep" / "d.jsonl")
    assert [path.name for path in (tmp_path / "new" / "deep").iterdir()] == ["d.jsonl"]


@pytest.mark.parametrize(("error", "seen"), [
    (OSError(errno.ENOSPC, "No space left on device"), OutputError),
    (ConnectionResetError(errno.ECONNRESET, "reset"), ConnectionResetError),
    (KeyboardInterrupt(), KeyboardInterrupt),
])  # fmt: skip
def test_a_failure_leaves_the_old_file_and_folder(tmp_path: Path, error: BaseException, seen: type) -> None:
    (tmp_path / "d.jsonl").write_text("old")
    with atomic_folder(tmp_path / "index") as new:
        (new / "manifest.json").write_text("old")
    with pytest.raises(seen), atomic_path(tmp_path / "d.jsonl") as partial:
        _write_and_raise(partial, error)
    with pytest.raises(seen), atomic_folder(tmp_path / "index", Path.is_dir) as partial:
        _write_and_raise(partial / "manifest.json", error)
    assert (tmp_path / "d.jsonl").read_text() == (tmp_path / "index" / "manifest.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.jsonl", "index"]


def _write_and_raise(path: Path, error: BaseException) -> None:
    path.write_text("half")
    raise error


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_replaces_the_old_one_whole(tmp_path: Path, exchange: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exchange:  # as on systems other than Linux
        monkeypatch.setattr("relik_ml.data.store._exchange", lambda one, other: False)
    target = tmp_path / "index"
    for content in ("one", "two"):
        with atomic_folder(target, Path.is_dir) as partial:
            (partial / "manifest.json").write_text(content)
            (partial / content).write_text("")
    assert sorted(path.name for path in target.iterdir()) == ["manifest.json", "two"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["photo.jpg", "manifest.json"])
@pytest.mark.parametrize("write", [atomic_folder, resumable_folder])
def test_a_foreign_folder_is_never_replaced(write: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / name).write_text("dear")
    with pytest.raises(OutputError), write(tmp_path / "album"):
        pytest.fail("the body must not run")
    assert (tmp_path / "album" / name).read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir()] == ["album"]
