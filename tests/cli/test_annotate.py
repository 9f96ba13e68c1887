"""``relik-ml annotate`` with a model made of one rule: every capitalised word is a mention."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

from relik_ml import Relik
from relik_ml.config import MinScores
from relik_ml.data import read_documents, write_documents
from relik_ml.errors import ModelError
from relik_ml.types import Annotated, Document, Link, Mention, Property, Span, Triple
from tests.cli.conftest import refused
from tests.cli.conftest import run as relik_ml

TEXT = "Анна Ахматова родилась в Одессе.\nОна жила в Ленинграде."


class Capitals:
    """The first mention is linked, the second is not in the knowledge base, and one leads to the other."""

    settings = SimpleNamespace(languages=("ru", "en"))

    def __init__(self) -> None:
        self.seen: list[Document] = []
        self.options: Mapping[str, Any] = {}

    def annotate(self, documents: Iterable[Document], *, min_score: MinScores, candidates: int) -> Iterator[Document]:
        """Annotate as the class says; the fact has the score 0.5."""
        self.options = {**self.options, "min_score": min_score, "candidates": candidates}
        links = [Link("linked", "Q80440", "Анна"), Link("nil")]
        for document in documents:
            self.seen.append(document)
            if document.text == "яд":
                raise ModelError("the model died", where="here", fix="bury it")
            mentions = tuple(
                Mention(f"T{number}", *found.span(), "PERSON", link=links[number] if number < 2 else Link())
                for number, found in enumerate(re.finditer("[А-Я]\\w+", document.text))
            )
            facts: tuple[Triple, ...] = ()
            if len(mentions) > 1 and min_score.fact <= 0.5:
                facts = (Triple("T0", "WORKPLACE", "T1", Property("P108"), (Span(0, mentions[1].stop),), 0.5),)
            yield Document(document.id, document.text, document.lang, mentions, (), facts, meta=document.meta)

    def with_profile(self, profile: str) -> "Capitals":
        """The same, which remembers the profile."""
        self.options = {**self.options, "profile": profile}
        return self

    def describe(self, documents: Iterable[Document], *, min_score: MinScores, candidates: int) -> Iterator[Document]:
        """Every mention is linked to its own id."""
        for document in documents:
            self.seen.append(document)
            mentions = tuple(replace(m, link=Link("linked", m.id, score=min_score.link)) for m in document.mentions)
            yield replace(document, mentions=mentions)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Capitals:
    capitals = Capitals()

    def load(path: Path | None, **options: Any) -> Capitals:
        capitals.options = {"model": path, **options}
        return capitals

    monkeypatch.setattr(Relik, "from_pretrained", load)
    return capitals


@pytest.fixture
def unloadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: Path | None, **options: Any) -> Capitals:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(Relik, "from_pretrained", load)


def run(*arguments: str | Path, **more: Any) -> Result:
    return relik_ml("annotate", *arguments, **more)


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout_bytes.split(b"\n")[:-1]]


# What is read


def test_a_text_becomes_a_line_of_json(model: Capitals, tmp_path: Path) -> None:
    path = tmp_path / "стихи.txt"
    path.write_text(TEXT, encoding="utf-8")
    result = run("--lang", "ru", path)
    (document,) = lines(result)
    assert (document["id"], document["lang"], document["text"]) == ("стихи", "ru", TEXT)
    assert [document["text"][m["start"] : m["stop"]] for m in document["mentions"]][:2] == ["Анна", "Ахматова"]
    assert document["mentions"][0]["link"]["id"] == "Q80440"
    assert result.stderr.startswith("1 document, 9 words: 5 mentions (20 % linked, 20 % not in this index), 1 triple; ")


def test_a_folder_gives_its_texts_sorted_with_paths_as_ids(model: Capitals, tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/y.TXT", "a/note.pdf", "c.v2.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Тула", encoding="utf-8")
    write_documents([Document("inner", "Пермь")], tmp_path / "d.jsonl")
    assert [document["id"] for document in lines(run(tmp_path))] == ["a/y", "a/z", "b", "c.v2", "inner"]


def test_old_annotation_is_replaced_or_its_mentions_kept(model: Capitals, tmp_path: Path) -> None:
    mentions = (Mention("T9", 0, 4, "CITY"),)
    gold = Document("g", "Тула", "en", mentions, annotated=Annotated("complete"), meta={"split": "dev"})
    write_documents([gold], tmp_path / "gold.jsonl")
    (document,) = lines(run(tmp_path / "gold.jsonl"))
    assert model.seen == [gold]
    assert (document["lang"], document["meta"], document["mentions"][0]["id"]) == ("en", {"split": "dev"}, "T0")
    piped = lines(run("--keep-mentions", "--min-score", "0.5", "-", input=(tmp_path / "gold.jsonl").read_bytes()))
    (document,) = lines(run("--keep-mentions", "--min-score", "0.5", tmp_path / "gold.jsonl"))
    assert piped == [document]
    (mention,) = document["mentions"]
    assert (mention["id"], mention["type"]) == ("T9", "CITY")
    assert (mention["link"]["id"], mention["link"]["score"]) == ("T9", 0.5)


FOREIGN = '{"body": "Тула", "url": 7, "lang": "en", "date": "1913"}\n{"body": "Орёл", "meta": {"a": [1]}}\n'.encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_of_any_program_can_be_piped(model: Capitals, pack: Callable[[bytes], bytes]) -> None:
    found = lines(run("--text-field", "body", "--id-field", "url", "--out", "-", "-", input=pack(FOREIGN)))
    assert [(it["id"], it["text"], it["lang"], it["meta"]) for it in found] == [
        ("7", "Тула", "en", {"date": "1913"}), ("stdin:2", "Орёл", "ru", {"a": [1]}),
    ]  # fmt: skip
    (text,) = lines(run("-", input=pack("{Тула}\nОрёл".encode())))
    assert (text["id"], text["text"]) == ("stdin", "{Тула}\nОрёл")


def test_a_missing_text_field_is_named_before_the_model(unloadable: None, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(FOREIGN)
    refused(run(tmp_path / "a.jsonl"), 3, "a.jsonl, line 1", "'text'", "'body'", "--text-field body")
    refused(run(tmp_path / "a.jsonl", "--text-field", "url"), 3, "got:   7")
    refused(run(tmp_path / "a.jsonl", "--keep-mentions"), 3, "a.jsonl, line 1", "schema")
    (tmp_path / "a.csv").write_text("url;body\n", encoding="utf-8")
    refused(run(tmp_path / "a.csv"), 3, "a.csv", "no column 'text'", "'url', 'body'", "--text-field")


@pytest.mark.parametrize("name", ["a.txt", ".", "-"])
def test_a_plain_text_has_no_mentions_to_keep(unloadable: None, tmp_path: Path, name: str) -> None:
    write_documents([Document("g", "Тула")], tmp_path / "gold.jsonl")
    (tmp_path / "a.txt").write_text("Тула", encoding="utf-8")
    source = name if name == "-" else tmp_path / name
    sources = [source] if name == "-" else [tmp_path / "gold.jsonl", source]
    refused(run("--keep-mentions", *sources, input=b"\xd1"), 7, "a.txt" if name != "-" else "standard input")


@pytest.mark.parametrize(
    "text",
    ["\ufeffТула\r\nПермь\r", "Тула\u2028Ёж\u0085\u00a0", "👩\u200d🚀 Й и\u0306", "а\x00б", "\x0c", "я" * 2**20],
    ids=range(6),
)
def test_texts_arrive_exactly_as_stored(model: Capitals, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode())
    out = tmp_path / "new" / "out.jsonl"
    result = run(tmp_path / "a.txt", "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert [document.text for document in read_documents(out)] == [model.seen[0].text] == [text]
    assert lines(run(tmp_path / "a.txt"))[0]["text"] == text


def test_documents_stream_through(model: Capitals, tmp_path: Path) -> None:
    """Documents before a bad line are written before it is read."""
    write_documents([Document(str(number), "Тула") for number in range(9)], tmp_path / "d.jsonl")
    with (tmp_path / "d.jsonl").open("ab") as file:
        file.write(b"{")
    result = run(tmp_path / "d.jsonl")
    assert (result.exit_code, result.stdout.count("\n"), len(model.seen)) == (3, 9, 9)


# What is written


def test_the_view(model: Capitals) -> None:
    result = run("--view", "-", input=TEXT.encode(), env={"COLUMNS": "95"})
    assert result.stdout.startswith(
        "stdin: 5 упоминаний, 1 факт\n\n"
        "[Анна · человек Q80440] [Ахматова · человек, нет в индексе] родилась в [Одессе · человек].\n"
        "[Она · человек] жила в [Ленинграде · человек].\n\n"
        "  Анна (Q80440) — место работы (P108) → Ахматова (нет в индексе) 0.50\n"
        "    «Анна Ахматова»\n\n[Одессе · город Q1874]: упоминание"
    )


def test_the_view_of_a_long_text_is_a_summary_unless_asked_for_in_full(model: Capitals) -> None:
    text = (TEXT * 50).encode()
    assert "(кратко; целиком: --full)" in run("--view", "-", input=text).stdout
    assert run("--view", "--full", "-", input=text).stdout.count("жила в") == 50


@pytest.mark.parametrize(("arguments", "env", "coloured"), [
    ([], {}, False),  # a pipe
    (["--color"], {}, True),
    (["--color"], {"NO_COLOR": "1"}, True),  # the option wins
    (["--no-color"], {}, False),
])  # fmt: skip
def test_colours_on_a_pipe(model: Capitals, arguments: list[str], env: dict[str, str], coloured: bool) -> None:
    result = run("--view", *arguments, "-", input=TEXT.encode(), env=env)
    assert ("\x1b[" in result.stdout) == coloured


@pytest.mark.parametrize(("name", "content"), [
    ("page.html", "<!doctype html>"), ("facts.csv", "document,"), ("out.mmd", "WORKPLACE"), ("out.txt", '"schema"'),
])  # fmt: skip
def test_the_extension_chooses_the_format(model: Capitals, tmp_path: Path, name: str, content: str) -> None:
    done = run("-", "--out", tmp_path / name, input=TEXT.encode())
    assert done.exit_code == 0, done.stderr
    assert content.casefold() in (tmp_path / name).read_text("utf-8").casefold()
    assert model.options["candidates"] == (5 if name == "page.html" else 0)  # which its corrections offer


@pytest.mark.parametrize(("score", "facts"), [("0.5", 1), ("0.6", 0)])
def test_options_reach_the_model(model: Capitals, score: str, facts: int) -> None:
    options = ["--min-score", score, "--model", "m", "--index", "i", "--device", "cuda", "--backend", "torch"]
    options += ["--min-link-score", "0.9", "--candidates", "3", "--recall"]
    assert len(lines(run("-", *options, input=TEXT.encode()))[0]["triples"]) == facts
    assert model.options == {
        "model": "m", "index": Path("i"), "device": "cuda", "backend": "torch", "candidates": 3,
        "min_score": MinScores(float(score), 0.9, float(score)), "profile": "recall",
    }  # fmt: skip


def test_what_the_model_dropped_is_summed_up(model: Capitals, tmp_path: Path) -> None:
    metas: list[dict[str, Any]] = [{"dropped": {"tokens": 3}}, {"dropped": {"tokens": 4}}, {"dropped": "чепуха"}, {}]
    documents = [Document(str(number), "Тула", meta=meta) for number, meta in enumerate(metas)]
    write_documents(documents, tmp_path / "d.jsonl")
    assert run(tmp_path / "d.jsonl").stderr.endswith("; 7 tokens dropped\n")


def test_a_text_in_another_language_is_refused_or_skipped(model: Capitals, tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text("Moskau ist die Hauptstadt von Russland.", encoding="utf-8")
    (tmp_path / "ru.txt").write_text("Москва, столица России. Apple Inc.", encoding="utf-8")
    refused(run(tmp_path), 3, "language", "document 'de'", "got:   de, ", "--lang ru")
    result = run("--skip-bad", tmp_path)
    assert [(document["id"], document["lang"]) for document in lines(result)] == [("ru", "ru")]
    assert result.stderr.count("skipped: ") == 1
    assert result.stderr.endswith("; 1 skipped\n")
    refused(run("--skip-bad", tmp_path / "de.txt"), 3, "nothing to annotate", "1 bad")
    assert [document["lang"] for document in lines(run("--lang", "ru", tmp_path))] == ["ru", "ru"]


# Bad input


@pytest.mark.parametrize("data", [b"", b" \n\t\n", "\ufeff\n".encode(), "\u00a0\u2028".encode()])
def test_a_blank_file_is_kept_with_a_warning(model: Capitals, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "b.txt").write_text("Тула", encoding="utf-8")
    result = run(tmp_path)
    assert [len(document["mentions"]) for document in lines(result)] == [0, 1]
    assert result.stderr.startswith("warning: no text in document 'a'\n2 documents, ")
    assert result.stderr.endswith("; 1 without text\n")


def test_invalid_utf8_leaves_no_output(model: Capitals, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Тула", encoding="utf-8")
    (tmp_path / "b.txt").write_bytes("Тула\nПермь".encode() + b"\xcf\xe5")
    where = f"{tmp_path / 'b.txt'}, line 2, byte 19"
    refused(run(tmp_path, "--out", tmp_path / "x.jsonl"), 3, where, "byte 0xcf", "UTF-8", "--skip-bad")
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]
    refused(run("-", input=b"\xff"), 3, "standard input, line 1, byte 0")


def test_bad_files_can_be_left_out(model: Capitals, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Тула", encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    write_documents([Document("1", "Пермь"), Document("2", "Орёл")], tmp_path / "c.jsonl")
    with (tmp_path / "c.jsonl").open("rb+") as file:
        file.truncate(len(file.read()) - 9)
    result = run("--skip-bad", tmp_path)
    assert [document["id"] for document in lines(result)] == ["a"], "a bad file is left out as a whole"
    assert result.stderr.count("skipped: ") == 2
    assert result.stderr.endswith("; 2 skipped\n")
    refused(run("--skip-bad", tmp_path / "b.txt"), 3, "nothing to annotate")


def test_what_cannot_be_read_stops_before_the_model(unloadable: None, tmp_path: Path) -> None:
    refused(run(tmp_path), 3, str(tmp_path), "no .jsonl")
    refused(run(tmp_path / "none.txt"), 3, "no such file", str(tmp_path / "none.txt"))
    (tmp_path / "a.pdf").touch()
    refused(run(tmp_path / "a.pdf"), 3, "the suffix '.pdf'")
    os.mkfifo(tmp_path / "b.txt")
    refused(run(tmp_path / "b.txt"), 3, "a device or pipe")
    (tmp_path / "a.jsonl").touch()
    refused(run(tmp_path / "a.jsonl"), 3, "nothing to annotate")
    (tmp_path / "b.jsonl").write_text("{")
    refused(run(tmp_path / "b.jsonl"), 3, f"{tmp_path / 'b.jsonl'}, line 1", "got:")


def test_two_documents_of_one_id(model: Capitals, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "x.txt" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text("Тула", encoding="utf-8")
    result = run(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    refused(result, 3, "got:   'x'", f"{paths[0]} and {paths[1]}")


def test_a_bad_output_is_found_before_the_model(unloadable: None, tmp_path: Path) -> None:
    write_documents([Document("1", "Пермь")], tmp_path / "d.jsonl")
    refused(run(tmp_path / "d.jsonl", "--out", tmp_path), 6, str(tmp_path))
    refused(run(tmp_path / "d.jsonl", "--out", tmp_path / "d.jsonl" / "b"), 6, str(tmp_path))
    refused(run(tmp_path, "--out", tmp_path / "d.jsonl"), 7, "also an input")


def test_a_failure_on_the_way_leaves_the_old_output(model: Capitals, tmp_path: Path) -> None:
    write_documents([Document("1", "Пермь"), Document("2", "яд")], tmp_path / "d.jsonl")
    (tmp_path / "out.jsonl").write_text("old")
    refused(run(tmp_path / "d.jsonl", "--out", tmp_path / "out.jsonl"), 5, "the model died")
    assert (sorted(os.listdir(tmp_path)), (tmp_path / "out.jsonl").read_text()) == (["d.jsonl", "out.jsonl"], "old")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-", "--min-score=nan"],
        ["-", "--min-score=1.1"],
        ["-", "--min-link-score=nan"],
        ["-", "--candidates=6"],
        ["-", "--view", "--out", "x"],
        ["-", "--device", "x"],
        ["a.txt", "--resume"],
        ["a.txt", "--out", "x/", "--skip-bad"],
        ["a.txt", "--out", "x/", "--view"],
    ],
)
def test_wrong_usage(unloadable: None, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


# A folder as output; the rest is in tests/test_corpus.py


@pytest.mark.skipif(sys.platform != "linux", reason="this model is shared with workers by fork")
def test_a_corpus_goes_to_a_folder(model: Capitals, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(9):
        (tmp_path / "in" / f"{number}.txt").write_text("Тула" if number else "", encoding="utf-8")
    (tmp_path / "in" / "3.txt").write_bytes(b"\xff")
    out = tmp_path / "out"
    options: list[str | Path] = ["--shard-size", "0.00002", "--format", "jsonl", "--jobs", "2", "--out", out]
    result = run(tmp_path / "in" / "*.txt", *options)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr.startswith("8 documents, 7 words: 7 mentions ")
    assert result.stderr.endswith("; 1 without text; 1 bad document skipped (11 %)\n")
    found = [document.id for part in sorted(out.glob("part-*")) for document in read_documents(part)]
    assert found == list("01245678")
    refused(run(tmp_path / "in", "--out", f"{out}/"), 6, "--resume")
    assert run(tmp_path / "in" / "*.txt", *options, "--resume").exit_code == 0
    refused(run(tmp_path / "in", *options, "--resume"), 7, str(out), "inputs")
    refused(run(tmp_path / "in", "--out", tmp_path / "new", "--fail-fast"), 3, "3.txt, line 1, byte 0")
    refused(run("--keep-mentions", tmp_path / "in", "--out", f"{tmp_path}/x/"), 7, "no mentions")


# As a process of its own

PROGRAM = """
import runpy, sys
from relik_ml import Relik
from relik_ml.cli import main
model = runpy.run_path(sys.argv.pop(1))["Capitals"]()
Relik.from_pretrained = lambda path, **options: model
main()
"""


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", PROGRAM, __file__, "annotate", *map(str, arguments)]


def on_a_terminal(*arguments: str | Path, env: Mapping[str, str]) -> str:
    """What a run shows on a terminal."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    subprocess.run(
        command(*arguments), stdout=theirs, stderr=subprocess.DEVNULL, env={**plain, "TERM": "xterm", **env}, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    return shown


@pytest.fixture
def many(tmp_path: Path) -> Path:
    write_documents([Document(str(number), TEXT * 9) for number in range(3000)], tmp_path / "many.jsonl")
    return tmp_path / "many.jsonl"


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no pipes of this kind here")
@pytest.mark.parametrize("option", ["--view", "--no-view"])
def test_a_reader_who_leaves_early_is_no_error(many: Path, option: str) -> None:
    process = subprocess.Popen(command(option, many), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("option", ["--view", "--no-view"])
def test_a_full_disk_behind_stdout(many: Path, option: str) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(command(option, many), stdout=full, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 6
    assert result.stderr.startswith(b"error: cannot write the output\n  where: standard output\n")
    assert b"ignored" not in result.stderr


def test_a_terminal_of_another_encoding_shows_what_it_can(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Тула ☃", encoding="utf-8")
    env = {**os.environ, "PYTHONIOENCODING": "koi8-r"}
    result = subprocess.run(command("--view", tmp_path), capture_output=True, env=env, check=True)
    assert "Тула · человек Q80440] \\u2603" in result.stdout.decode("koi8-r")


@pytest.mark.parametrize(("env", "bold"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_on_a_terminal_the_view_is_the_default(tmp_path: Path, env: dict[str, str], bold: bool) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    shown = on_a_terminal(tmp_path, env=env)
    assert shown.startswith("\x1b[1ma\x1b[0m" if bold else "a: 5 упоминаний")
    assert ("\x1b[1;32mАхматова" in shown) == bold
