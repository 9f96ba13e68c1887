"""Documents on disk: exact round trips, a checker that refuses, and files that are whole or absent."""

from __future__ import annotations

import errno
import json
import math
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
)
from relik_ml.data.io import write_entries
from relik_ml.data.records import document_text
from relik_ml.data.schema import check
from relik_ml.errors import DataError, OutputError
from relik_ml.types import Annotated, Document, Entity, Entry, Link, Mention, Property, Span, Triple, Value

TEXT = "Писатель Антон Чехов родился в Таганроге 29 января 1860 года."
CHEKHOV = Mention("T1", 9, 20, "PERSON", link=Link("linked", "Q5685", "Антон Чехов", ("Q1",), 0.5), score=1.0)
TAGANROG = Mention("T2", 31, 40, "CITY", link=Link("nil"))
BORN = Mention("T3", 41, 60, "DATE", (Span(44, 60), Span(41, 43)), Link("unlinkable"), Value("date", "29", "1860"))
DOCUMENT = Document(
    id="чехов",
    text=TEXT,
    mentions=(CHEKHOV, TAGANROG, BORN),
    entities=(Entity("E1", ("T1",), "same-link"),),
    triples=(Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 61),), 0.25),),
    annotated=Annotated(mentions="complete", triples="partial"),
    meta={"source": "чехов.ann", "repairs": {"a": 1}, "list": [None, True, 0.5, "ё"]},
)

PIECES = ["а", "Ё", "е\u0308", "z", " ", "\u00a0", "\u00ad", "\ufeff", "\r\n", "\n", "\r", "\u2028", "\x85", "\0"]
PIECES += ["😀", "👩\u200d🚀", "🏳️\u200d🌈", "\ud800", "\t", '"', "\\", "\\ud83d", "\x1f"]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=20).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(TEXTS)
    bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).filter(lambda b: b[0] != b[1])
    spans = [Span(min(b), max(b)) for b in draw(st.lists(bounds, max_size=4))]
    mentions = tuple(Mention(f"T{n}", *span, draw(TEXTS)) for n, span in enumerate(spans))
    return Document(draw(TEXTS), text, mentions=mentions, meta={"note": draw(TEXTS)})


@given(documents())
def test_writing_and_reading_gives_the_same_document(document: Document) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "one.jsonl")
        assert write_documents([document, replace(document, id=document.id + "2")], path) == 2
        back = list(read_documents(path))
        assert back == [document, replace(document, id=document.id + "2")]
        for old, new in zip(document.mentions, back[0].mentions, strict=True):
            assert back[0].text[new.start : new.stop] == document.text[old.start : old.stop] == document.surface(old)
        assert path.read_bytes().count(b"\n") == 2


def reference(document: Document) -> str:
    """What a line holds, by the standard library alone: the fields of the values in the order of the schema."""
    record: dict[str, Any] = {"schema": "relik-ml/1", **_ordered(asdict(document), "id lang text mentions entities")}
    record |= _ordered(asdict(document), "triples annotated meta")
    record["mentions"] = [_ordered(m, "id start stop fragments type score link value") for m in record["mentions"]]
    for mention in record["mentions"]:
        if mention["value"] is None:
            del mention["value"]
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _ordered(record: dict[str, Any], names: str) -> dict[str, Any]:
    return {name: record[name] for name in names.split()}


FLOATS = st.none() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False)
SPANS = st.lists(st.builds(Span, st.integers(), st.integers()), max_size=2).map(tuple)
LISTS = st.lists(TEXTS, max_size=2).map(tuple)
LINKS = st.builds(Link, TEXTS, st.none() | TEXTS, st.none() | TEXTS, LISTS, FLOATS)
FOUND = st.none() | st.builds(Value, TEXTS, TEXTS, TEXTS, st.none() | TEXTS)
MENTIONS = st.builds(Mention, TEXTS, st.integers(), st.integers(), TEXTS, SPANS, LINKS, FOUND, FLOATS)
STATED = st.none() | st.builds(Property, TEXTS, st.booleans())
ANYTHING = st.builds(
    Document,
    id=TEXTS,
    text=TEXTS,
    lang=TEXTS,
    mentions=st.lists(MENTIONS, max_size=2).map(tuple),
    entities=st.lists(st.builds(Entity, TEXTS, LISTS, TEXTS), max_size=2).map(tuple),
    triples=st.lists(st.builds(Triple, TEXTS, TEXTS, TEXTS, STATED, SPANS, FLOATS), max_size=2).map(tuple),
    annotated=st.builds(Annotated, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
    meta=st.dictionaries(TEXTS, FLOATS | st.booleans() | st.lists(TEXTS, max_size=2), max_size=2),
)


@given(ANYTHING)
def test_a_line_is_the_json_of_its_fields(document: Document) -> None:
    assert document_text(document) == reference(document)
    assert document_to_json(document) == json.loads(reference(document))


def test_every_field_survives(tmp_path: Path) -> None:
    write_documents([DOCUMENT], tmp_path / "d.jsonl")
    assert list(read_documents(tmp_path / "d.jsonl")) == [DOCUMENT]


def test_the_line_is_the_documented_schema() -> None:
    record = document_to_json(DOCUMENT)
    assert list(record) == ["schema", "id", "lang", "text", "mentions", "entities", "triples", "annotated", "meta"]
    assert record["mentions"][2]["fragments"] == [[44, 60], [41, 43]]
    assert record["mentions"][2]["value"] == {"datatype": "date", "raw": "29", "value": "1860", "precision": None}
    assert record["triples"][0]["property"] == {"id": "P19", "inverse": False}
    assert "value" not in record["mentions"][0]


def test_entries_survive(tmp_path: Path) -> None:
    entries = [
        Entry("Q5685", "entity", "Антон Чехов", "русский\u2028писатель", "ru", ("А. П. Чехов",)),
        Entry("P19", "relation", ""),
    ]
    assert write_entries(entries, tmp_path / "e.jsonl") == 2
    assert list(read_entries(tmp_path / "e.jsonl")) == entries


def test_an_entry_of_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text('{"id": "Q1", "kind": "thing", "name": "x"}\n')
    with pytest.raises(DataError, match="one of entity, relation, type"):
        list(read_entries(tmp_path / "e.jsonl"))


def test_an_empty_file_holds_no_documents(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes(b"")
    assert list(read_documents(tmp_path / "d.jsonl")) == []


GOOD = json.dumps(document_to_json(DOCUMENT), ensure_ascii=False)


def changed(**fields: Any) -> str:
    return json.dumps(document_to_json(DOCUMENT) | fields)


def mention(**fields: Any) -> str:
    return changed(mentions=[document_to_json(DOCUMENT)["mentions"][0] | fields], entities=[], triples=[])


def triples(**fields: Any) -> str:
    return changed(triples=[{"subject": "T1", "relation": "R", "object": "T2"} | fields])


@pytest.mark.parametrize(
    ("line", "got"),
    [
        (GOOD.encode()[:200], "JSON"),
        (b"", "JSON"),
        (b"\xef\xbb\xbf" + GOOD.encode(), "BOM"),
        (GOOD.encode("cp1251", "replace"), "not UTF-8"),
        (b"[" * 100_000, "JSON"),
        (b"9" * 5_000, "JSON"),
        (b"null", "in place of an object"),
        (b"[]", "in place of an object"),
        (mention(score=math.nan).encode(), "NaN"),
        (mention(score=math.inf).encode(), "Infinity"),
        (mention(score=1).replace('"score": 1,', '"score": 1e999,').encode(), "not finite"),
        (mention(score=10**400).encode(), "score"),
        (mention(score="0.5").encode(), "score"),
        (mention(start="9").encode(), "start must be a whole number"),
        (mention(start=True).encode(), "start must be a whole number"),
        (mention(start=9.0).encode(), "start must be a whole number"),
        (mention(start=None).encode(), "start must be a whole number"),
        (mention(start=20).encode(), "empty or backwards"),
        (mention(start=-1).encode(), "outside the text"),
        (mention(stop=900).encode(), "outside the text of 61 characters"),
        (mention(fragments=[[9, 12], [14, 21]]).encode(), "envelope"),
        (mention(fragments=[[9, 12, 13]]).encode(), "fragments"),
        (mention(fragments=[["9", 12]]).encode(), "fragments"),
        (mention(fragments={}).encode(), "fragments must be a list"),
        (mention(link={"status": "linked"}).encode(), "linked without an id"),
        (mention(link={"status": "nil", "id": "Q1"}).encode(), "nil but with the id 'Q1'"),
        (mention(link={"status": "maybe"}).encode(), "link status 'maybe'"),
        (mention(link={"id": "Q1"}).encode(), "no field 'status'"),
        (mention(link="Q1").encode(), "in place of an object"),
        (mention(colour="red").encode(), "unknown field 'colour'"),
        (changed(schema="relik-ml/9").encode(), "relik-ml/9"),
        (changed(id=5).encode(), "id must be a string"),
        (changed(text=None).encode(), "text must be a string"),
        (changed(meta=[]).encode(), "meta must be an object"),
        (changed(mentions=[3]).encode(), "mentions[0]"),
        (changed(mentions=document_to_json(DOCUMENT)["mentions"] * 2).encode(), "used 2 times"),
        (changed(entities=[{"id": "E1", "mentions": ["T9"]}]).encode(), "no mention 'T9'"),
        (changed(entities=[{"id": "E1", "mentions": [1]}]).encode(), "a list of strings"),
        (triples(object="T9").encode(), "no mention 'T9'"),
        (triples(evidence=[[0, 99]]).encode(), "[0, 99) lies outside"),
        (triples(property={"id": "P1", "inverse": 1}).encode(), "inverse must be true or false"),
        (changed(annotated={"links": "mostly"}).encode(), "annotated.links is 'mostly'"),
    ],
)
def test_a_bad_line_is_one_clear_error(tmp_path: Path, line: bytes, got: str) -> None:
    path = tmp_path / "d.jsonl"
    other = json.dumps(document_to_json(replace(DOCUMENT, id="another"))).encode()
    path.write_bytes(other + b"\n" + line + b"\n")
    found = read_documents(path)
    assert next(found).id == "another"
    with pytest.raises(DataError) as caught:
        next(found)
    assert got in str(caught.value)
    assert f"{path}, line 2" in caught.value.where
    assert caught.value.got
    assert caught.value.fix


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_data_error(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "d.jsonl")
        path.write_bytes(content)
        assert _documents_or_error(path)


FIELDS = st.sampled_from([*document_to_json(DOCUMENT), "start", "link"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner))


@given(VALUES)
def test_no_json_raises_anything_but_data_error(value: Any) -> None:
    record = {"schema": "relik-ml/1", "id": "a", "text": "б"}
    for candidate in (value, record | value if isinstance(value, dict) else value, record | {"mentions": value}):
        with suppress(DataError):
            assert isinstance(document_from_json(candidate, "here"), Document)


def _documents_or_error(path: Path) -> bool:
    try:
        return isinstance(list(read_documents(path)), list)
    except DataError:
        return True


def test_the_document_is_named_when_it_is_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="document 'чехов', mentions\\[0\\]"):
        document_from_json(json.loads(mention(start="9")), "d.jsonl, line 1")


def test_two_documents_of_one_id_are_refused_on_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    with pytest.raises(DataError, match="two documents have one id"):
        write_documents([DOCUMENT, DOCUMENT], path)
    assert list(tmp_path.iterdir()) == []
    path.write_text(f"{GOOD}\n{GOOD}\n", encoding="utf-8")
    with pytest.raises(DataError, match="two documents have one id"):
        list(read_documents(path))


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(DataError, match=r"cannot (open|read)"):
            list(read_documents(path))
    with pytest.raises(DataError, match="cannot read"):
        sha256(tmp_path / "none.jsonl")


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    "broken",
    [
        replace(DOCUMENT, text="😀"),
        replace(DOCUMENT, meta={"when": object()}),
        replace(DOCUMENT, meta={"score": math.nan}),
        replace(DOCUMENT, meta={"half": "\ud83d\ude00"}),
        replace(DOCUMENT, mentions=(replace(CHEKHOV, score=math.inf), TAGANROG)),
        replace(DOCUMENT, mentions=(replace(CHEKHOV, start=9.5), TAGANROG)),
        replace(DOCUMENT, mentions=(replace(CHEKHOV, score=Fraction(1, 2)), TAGANROG)),
        replace(DOCUMENT, mentions=(replace(CHEKHOV, type=None), TAGANROG)),
    ],
)
def test_what_cannot_be_read_back_is_not_written(tmp_path: Path, broken: Document) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text("old")
    with pytest.raises(DataError, match="document 'чехов'"):
        write_documents([replace(DOCUMENT, id="first"), broken], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_check_finds_nothing_in_a_sound_document() -> None:
    assert check(DOCUMENT) == []


def test_check_lists_every_violation() -> None:
    broken = replace(DOCUMENT, mentions=(replace(CHEKHOV, stop=99), replace(TAGANROG, link=Link("linked"))))
    assert check(broken) == [
        "mention 'T1': [9, 99) lies outside the text of 61 characters",
        "mention 'T2': linked without an id",
    ]


def _write_and_raise(path: Path, error: BaseException) -> None:
    path.write_text("half")
    raise error


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_documents([DOCUMENT], tmp_path / "new" / "deep" / "d.jsonl")
    assert [path.name for path in (tmp_path / "new" / "deep").iterdir()] == ["d.jsonl"]


def test_unwritable_outputs_are_output_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    for path in (tmp_path, tmp_path / "file" / "d.jsonl", tmp_path / ("x" * 300) / "d.jsonl", Path("/dev/null")):
        with pytest.raises(OutputError) as caught:
            write_documents([DOCUMENT], path)
        assert caught.value.where == str(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_an_output_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text("old")
    with pytest.raises(OutputError), atomic_path(path) as partial:
        _write_and_raise(partial, OSError(errno.ENOSPC, "No space left on device"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_elsewhere_keeps_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), atomic_path(tmp_path / "d.jsonl"):
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    target = tmp_path / "index"
    for content in ("one", "two"):
        with atomic_folder(target, Path.is_dir) as partial:
            (partial / "manifest.json").write_text(content)
            (partial / content).write_text("")
    assert sorted(path.name for path in target.iterdir()) == ["manifest.json", "two"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "index"
    with atomic_folder(target) as partial:
        (partial / "manifest.json").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_folder(target, Path.is_dir) as partial:
        _write_and_raise(partial / "manifest.json", KeyboardInterrupt())
    assert (target / "manifest.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_without_an_atomic_exchange_folders_are_still_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relik_ml.data.store._exchange", lambda one, other: False)
    test_a_folder_replaces_the_old_one_whole(tmp_path)


@pytest.mark.parametrize("name", ["photo.jpg", "manifest.json", "config.json"])
@pytest.mark.parametrize("write", [atomic_folder, resumable_folder])
def test_somebody_elses_folder_is_never_replaced(write: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / name).write_text("dear")
    with pytest.raises(OutputError, match="holds other files"), write(tmp_path / "album"):
        pytest.fail("the body must not run")
    assert (tmp_path / "album" / name).read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir()] == ["album"]
