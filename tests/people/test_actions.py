"""What somebody does in the first hour, and what must come of it.

A row has what the person wants, the command or the Python call, its exit code, and what must be in the output, in the
messages or in a file. The files are those of ``first_files``; the model is the embedded one.
"""

import gzip
import json
import re
import shlex
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from relik_ml import Document, Relik, to_frame
from relik_ml.bundle import EMBEDDED
from tests.cli.conftest import run

NEEDS = {"html": "lxml", "md": "markdown_it", "docx": "mammoth", "parquet": "pyarrow", "turtle": "rdflib"}
"""Packages of extras, without which an action is skipped."""
ANNA, YURI = "Анна Ахматова родилась в Одессе.", "Юрий Гагарин родился в деревне Клушино."
WORD = "http://schemas.openxmlformats.org"


class Action(NamedTuple):
    want: str
    command: str
    code: int = 0
    out: tuple[str, ...] = ()
    """In standard output."""
    err: tuple[str, ...] = ()
    """In standard error."""
    file: tuple[str, ...] = ()
    """A file that appears, and what is in it. It does not appear if the command fails."""


BORN = ("Q80440", "PLACE_OF_BIRTH", "Q1874")
INPUTS = [
    Action("a text", "annotate --lang ru anna.txt", 0, ('"id": "anna"', *BORN), ("1 document, 5 words: 3 mentions",)),
    Action("to read the result", "annotate --view anna.txt", 0, ("[Одессе · город Q1874]", "место рождения (P19)")),
    Action("to pipe a text", "annotate - < anna.txt", 0, ('"id": "stdin"', *BORN)),
    Action(
        "my own JSON Lines", "annotate lines.jsonl", 0, ('"meta": {"url": "https://a.ru/1"}', "lines.jsonl:2", "Q7327")
    ),
    Action("to pipe JSON Lines", "annotate - < lines.jsonl", 0, ("stdin:1", "stdin:2", *BORN), ("2 documents",)),
    Action(
        "fields of other names", "annotate other.jsonl --text-field body --id-field url", 0, ('"id": "https://a', *BORN)
    ),
    Action("compressed lines", "annotate lines.jsonl.gz", 0, ("lines.jsonl:1", *BORN)),
    Action("a table of Excel", "annotate news.csv", 0, ('"id": "7"', '"meta": {"rubric": "стихи"}', *BORN)),
    Action("tab-separated values", "annotate news.tsv", 0, ("news.tsv:2", "Q7327", '"meta": {"rubric": "космос"}')),
    Action("a Parquet file", "annotate news.parquet", 0, ('"id": "7"', *BORN)),
    Action("a web page", "annotate page.html", 0, (f'"text": "Поэты\\n{ANNA}"', '"extracted": "html"', *BORN)),
    Action("a note in Markdown", "annotate note.md", 0, (f'"text": "Поэты\\n{ANNA}"', '"extracted": "md"', *BORN)),
    Action("a Word file", "annotate letter.docx", 0, (f'"text": "{ANNA}"', '"extracted": "docx"', *BORN)),
    Action("a folder", "annotate texts", 0, ('"id": "anna"', '"id": "space/gagarin"'), ("2 documents",)),
    Action("some files of it", "annotate 'texts/s*/*.txt'", 0, ('"id": "space/gagarin"', "Q7327"), ("1 document",)),
    Action("lines on stdout", "annotate --out - anna.txt", 0, BORN),
    Action(
        "a file of its own", "annotate anna.txt --out new/out.jsonl", 0, (), ("1 document",), ("new/out.jsonl", *BORN)
    ),
]
MISTAKES = [
    Action("a wrong path", "annotate none.txt", 3, (), ("no such file", "none.txt")),
    Action("an old encoding", "annotate cp1251.txt", 3, (), ("not UTF-8", "line 1, byte 0", "iconv -f WINDOWS-1251")),
    Action("an empty file", "annotate empty.txt", 0, ('"mentions": []',), ("warning: no text in document 'empty'",)),
    Action("a PDF", "annotate paper.pdf", 3, (), ("the suffix '.pdf'", ".docx")),
    Action("a wrong command", "anotate anna.txt", 2, (), ("No such command", "anotate")),
    Action("a wrong option", "annotate anna.txt --ouput x", 2, (), ("No such option", "--out")),
    Action("no extra for pages", "annotate page.html", 7, (), ("relik-ml[formats]",)),
    Action("no such model", "annotate anna.txt --model none --out x", 5, (), ("no model", "check the path"), ("x",)),
    Action("no network", "annotate anna.txt --model someone/model", 5, (), ("Hugging Face Hub", "someone/model")),
    Action("half a line", "annotate broken.jsonl --out x", 3, (), ("not JSON", "broken.jsonl, line 2"), ("x",)),
    Action("another field", "annotate other.jsonl", 3, (), ("'body', 'url'", "--text-field body")),
    Action("to overwrite the input", "annotate anna.txt --out anna.txt", 7, (), ("also an input",)),
    Action("a full folder", "annotate anna.txt --out texts/", 6, (), ("texts", "anna.txt", "new or empty folder")),
    Action(
        "to view a text", "view anna.txt --out x", 3, (), ("not JSON", "anna.txt, line 1", "relik-ml annotate"), ("x",)
    ),
    Action("to count bare lines", "stats lines.jsonl", 3, (), ("no field 'schema'", "relik-ml annotate")),
]
QUESTIONS = [
    Action("what is there", "--help", 0, ("annotate", "index", "Exit codes")),
    Action("what a command takes", "annotate --help", 0, ("INPUT", "--text-field", "[default: text]", ".docx")),
    Action("what the index has", "index info", 0, ("385,857 entity", "49 relation", "Wikidata", "November 2026")),
    Action("whether someone is there", "index search 'Анной Ахматовой'", 0, ("Q80440",), ("385,857 entity", "2026")),
    Action("what the model is", "bundle info", 0, ("languages    ru", "types        29", "onnx")),
    Action("other candidates", "annotate --candidates 2 anna.txt", 0, ('"candidates": [{"id": "Q80440"',)),
    Action("sure links only", "annotate --min-link-score 0.99 anna.txt", 0, ('"status": "unknown"',), ("0 % linked",)),
    Action("valid documents", "check out.jsonl", 0, (), ("0 violations",)),
    Action("how many", "stats out.jsonl", 0, ("documents", "PERSON", "linked")),
    Action("how good", "score out.jsonl out.jsonl", 0, ("2 documents", "100.00")),
    Action("a table of facts", "export csv out.jsonl --out f.csv", 0, (), ("f.csv: 2 documents",), ("f.csv", *BORN)),
    Action("a table on stdout", "export csv out.jsonl --out -", 0, BORN, ("2 documents",)),
    Action("RDF", "export turtle out.jsonl --out f.ttl", 0, (), ("2 documents",), ("f.ttl", "Q80440", "nif:")),
    Action("a page", "view out.jsonl --out r.html", 0, (), ("2 documents",), ("r.html", "<!doctype html>", "Q80440")),
]


def first_fact(relik: Relik) -> None:
    (fact,) = [fact for fact in relik(ANNA).facts() if fact.relation == "PLACE_OF_BIRTH"]
    assert (fact.subject.name, fact.object.name, fact.sentence) == ("Анна Андреевна Ахматова", "Одесса", ANNA)


def several(relik: Relik) -> None:
    assert [document.text for document in relik([ANNA, YURI])] == [ANNA, YURI]
    assert [document.id for document in relik.annotate({"id": str(n), "text": YURI} for n in range(2))] == ["0", "1"]


def table(relik: Relik) -> None:
    pytest.importorskip("pandas")
    frame = to_frame(relik(ANNA))
    assert "PLACE_OF_BIRTH" in set(frame["relation"])


def back_and_forth(relik: Relik) -> None:
    document = relik(ANNA)
    assert Document.from_dict(json.loads(json.dumps(document.to_dict()))) == document


def no_text(relik: Relik) -> None:
    wrong: list[Any] = [ANNA.encode(), Path("anna.txt"), None]
    for each in wrong:
        with pytest.raises(TypeError, match=f"a str, a dict or a Document, not {type(each).__name__}"):
            relik(each)


CALLS = [first_fact, several, table, back_and_forth, no_text]


def word_file(path: Path, text: str) -> None:
    """The smallest .docx file."""
    office, package = f"{WORD}/officeDocument/2006/relationships", f"{WORD}/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/d.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type='
        f'"{office}/officeDocument" Target="d.xml"/></Relationships>',
        "d.xml": f'<w:document xmlns:w="{WORD}/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        f"<w:t>{text}</w:t></w:r></w:p></w:body></w:document>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def lines(*objects: dict[str, Any]) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)


@pytest.fixture(scope="module")
def relik() -> Relik:
    if not (EMBEDDED["accurate"] / "manifest.json").is_file():
        pytest.skip("relik_ml/pretrained holds no model")
    return Relik.from_pretrained()


@pytest.fixture
def first_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relik: Relik) -> Path:
    """The files of a person who tries the program, in the working folder."""
    texts = {
        "anna.txt": ANNA, "texts/anna.txt": ANNA, "texts/space/gagarin.txt": YURI, "empty.txt": "", "paper.pdf": "%PDF",
        "page.html": f"<html><head><title>Т</title></head><body><h1>Поэты</h1><p>{ANNA}</p></body></html>",
        "note.md": f"# Поэты\n\n{ANNA.replace('Анна', '*Анна*')}\n",
        "news.csv": f'id;text;rubric\n7;"{ANNA}";стихи\n', "news.tsv": f"text\trubric\n{YURI}\tкосмос\n",
        "lines.jsonl": lines({"text": ANNA, "url": "https://a.ru/1"}, {"text": YURI}),
        "other.jsonl": lines({"body": ANNA, "url": "https://a.ru/1"}), "broken.jsonl": lines({"text": ANNA}) + '{"text',
        "out.jsonl": lines(relik(ANNA).to_dict() | {"id": "anna"}, relik(YURI).to_dict()),
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "cp1251.txt").write_text(ANNA, encoding="cp1251")
    (tmp_path / "lines.jsonl.gz").write_bytes(gzip.compress(texts["lines.jsonl"].encode()))
    word_file(tmp_path / "letter.docx", ANNA)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


@pytest.mark.parametrize("action", INPUTS + MISTAKES + QUESTIONS, ids=lambda action: action.want)
def test_an_action_on_the_command_line(first_files: Path, monkeypatch: pytest.MonkeyPatch, action: Action) -> None:
    for part in NEEDS.keys() & set(re.split(r"[ .]", action.command)):
        pytest.importorskip(NEEDS[part])
    if ".parquet" in action.command:
        arrow = pytest.importorskip("pyarrow.parquet")
        arrow.write_table(sys.modules["pyarrow"].table({"id": ["7"], "text": [ANNA]}), "news.parquet")
    if "extra" in action.want:
        monkeypatch.setitem(sys.modules, "lxml.html", None)
    command, _, piped = action.command.partition(" < ")
    result = run(*shlex.split(command), input=Path(piped).read_bytes() if piped else None)
    assert result.exit_code == action.code, result.output
    for part in action.out:
        assert part in result.stdout
    for part in action.err:
        assert part in result.stderr
    assert "Traceback" not in result.output
    if action.file:
        path, *parts = action.file
        assert Path(path).is_file() == (action.code == 0)
        for part in parts:
            assert part in Path(path).read_text("utf-8")


@pytest.mark.parametrize("call", CALLS)
def test_an_action_in_python(relik: Relik, call: Callable[[Relik], None]) -> None:
    call(relik)
