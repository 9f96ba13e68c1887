"""Ten thousand damaged lines for each reader: they cost themselves, and no exception that is not ours.

The sentences are our own. The seed is fixed, so that every run sees the same damage. Readers of English corpora get 400
such lines, and ten thousand on request.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from relik_ml.data import REPEATED, Report, StrictReport, TolerantReport, check
from relik_ml.errors import DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Document
from tests.converters.test_aida import ROWS as AIDA_ROWS
from tests.converters.test_aida import question, table
from tests.converters.test_brat import LINES as WITH_TWO_LINKS
from tests.converters.test_brat import TEXT as BRAT_TEXT
from tests.converters.test_conll04 import sentence, tagged_sentence
from tests.converters.test_docred import page
from tests.converters.test_dwie import article
from tests.converters.test_nyt import by_name, by_place
from tests.converters.test_redfm import hub as as_the_hub_has_it
from tests.converters.test_redfm import record, write_names

WHOLE = 200  # documents
FEW, MANY = 2, 50  # damaged ones for each of them
LEFT_OUT = (
    "documents without a relation: left out", "documents in another language: left out",
    "articles of neither split: left out",
)  # fmt: skip
Record = dict[str, Any]


class Reader(NamedTuple):
    """A converter, and how to write a corpus for it into a folder: only whole documents or, with chance, some damaged
    ones for each of them too. What is returned is how many documents were written."""

    name: str
    split: str
    write: Callable[[Path, random.Random | None, int], int]


def read(reader: Reader, source: Path, report: Report) -> dict[str, Document]:
    """Documents by id, those with numbers as ids by their text, without what depends on the other lines."""
    found: dict[str, Document] = {}
    texts = Counter[str]()
    for d in load_converter(reader.name).read(source, reader.split, report):
        id = f"{d.text} {texts[d.text]}" if reader.name == "nyt" else d.id
        texts[d.text] += 1
        found[id] = replace(d, id=id, meta={k: v for k, v in d.meta.items() if k != "source"})
    return found


# Lines of JSON


DEEP = [
    opening * depth + inside + closing * depth
    for opening, inside, closing in ((b"[", b"", b"]"), (b'{"uri":', b"1", b"}"))
    for depth in (60, *range(900, 1000, 5), 5_000)  # from 1,000 on, about, nothing can be read
]
NUMBERS = [
    b"0", b"-1", b"1", b"9", b"1.5", b"1e999", b"-1e308", b"9" * 400, b"9" * 5_000, b"9223372036854775808", b"NaN",
    b"-Infinity",
]  # fmt: skip
STRINGS = [
    b'""', b'"x"', b'"Q0"', b'"None"', b'"^^"', b'"\\ud800"', b'"\\udc00 \\ud83d"', b'"\\u0000\\u001b[31m\\n"',
    b'"\xed\xa0\x80"', b'"\xff"', b'"' + b"9" * 9_000 + b'^^decimal"', '"٣-−^^dateTime"'.encode(),
]  # fmt: skip
OTHERS = [
    b"null", b"true", b"[]", b"{}", b"[null]", b"[[0, 4]]", b"[0, 4]", b"[0, 4, 9]", b"[true, 4]", b'{"uri": null}',
    b"nul", b"",
]  # fmt: skip
KINDS: dict[type, list[bytes]] = {str: STRINGS, int: NUMBERS, float: NUMBERS, list: OTHERS, dict: DEEP}
BYTES = [
    b"\xff", b"\xd0", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\r", b"\xe2\x80\xa8", b'"', b"{",
    b"]", b"\\u",
]  # fmt: skip
HOLE = "\N{WHITE SQUARE}"


def rebel(docid: str) -> Record:
    page = record(docid)
    return {**page, "triples": page.pop("relations")}


def raw(docid: str, lang: str) -> Record:
    return {**record(docid), "lan": lang}


def hub(docid: str) -> Record:
    return as_the_hub_has_it(record(docid))


def one_mention(docid: str) -> Record:
    """A record of KILT whose damaged id is never that of another document, which it would join."""
    return question(f"{docid} {docid}")


def keys(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value with each of its keys or indices."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from keys(inner)


def misshapen(line: bytes, chance: random.Random) -> bytes:
    """The record with a value lost, said twice, in another's place, or of another type or size."""
    record = json.loads(line)
    (one, key), (other, name) = chance.sample(list(keys(record)), 2)
    kind: type = str
    match chance.randrange(6):
        case 0:
            del one[key]
        case 1 if isinstance(one, list):
            one.insert(key, one[key])
        case 2:
            # By way of text: values in each other's place must not make a circle.
            first, second = json.dumps(one[key]), json.dumps(other[name])
            other[name], one[key] = json.loads(first), json.loads(second)
        case _:
            kind = chance.choice([*[type(one[key])] * 9, *KINDS])
            one[key] = HOLE
    odd = chance.choice(KINDS.get(kind, OTHERS))
    return json.dumps(record, ensure_ascii=False).encode().replace(f'"{HOLE}"'.encode(), odd)


def torn(line: bytes, chance: random.Random) -> bytes:
    """The line cut, with parts or bytes swapped, or with bytes that do not belong there."""
    first, last = sorted(chance.choices(range(1, len(line)), k=2))
    head, middle, tail = line[:first], line[first:last], line[last:]
    return chance.choice([
        head, tail, head + tail, middle + head + tail, head + middle + middle + tail,
        line[: first - 1] + line[first : first + 1] + line[first - 1 : first] + line[first + 1 :],
        head + chance.choice(BYTES) + middle + tail, head + chance.choice(BYTES) * 3 + tail,
    ])  # fmt: skip


def write_lines(
    make: Callable[[str], Record], name: str, folder: Path, chance: random.Random | None, copies: int
) -> int:
    """A file of whole records and, with ``chance``, damaged ones before each of them."""
    lines = []
    for number in range(WHOLE):
        for copy in range(copies if chance else 0):
            assert chance
            line = json.dumps(make(f"damaged-{number}-{copy}"), ensure_ascii=False).encode()
            lines.append(chance.choice([misshapen, misshapen, torn])(line, chance))
        lines.append(json.dumps(make(f"whole-{number}")).encode())
    folder.mkdir()
    (folder / name).write_bytes(b"\n".join(lines))
    write_names(folder)
    return len(lines)


def write_table(folder: Path, chance: random.Random | None, copies: int) -> int:
    """The table of AIDA: whole articles and, with ``chance``, some with a damaged row before each of them."""
    articles = []
    for number in range(WHOLE):
        for copy in range(copies if chance else 0):
            assert chance
            rows = [row.encode() for row in AIDA_ROWS]
            at = chance.choice([number for number, row in enumerate(rows) if len(row) > 2])
            rows[at] = torn(rows[at], chance).replace(b"\n", b"")
            articles.append(b"\n".join([b"-DOCSTART- (%d damaged)" % (1000 * copy + number), *rows]))
        articles.append(table(f"{number} whole").encode())
    folder.mkdir()
    (folder / "aida.tsv").write_bytes(b"\n".join(articles))
    return len(articles)


def write_articles(folder: Path, chance: random.Random | None, copies: int) -> int:
    """A folder of DWIE: whole articles and, with ``chance``, damaged ones for each of them."""
    folder.mkdir()
    for number in range(WHOLE * (copies + 1)):
        line = json.dumps(article(f"DW_{number}")).encode()
        if number % (copies + 1):
            line = chance.choice([misshapen, misshapen, torn])(line, chance) if chance else b""
        if line:
            (folder / f"DW_{number}.json").write_bytes(line)
    return len(list(folder.iterdir()))


# Files of lines: brat and NEREL

BRAT_LINES = [line for line in WITH_TWO_LINKS if not line.startswith("N4")]  # which counts depends on other documents


def damaged_line(line: str, chance: random.Random) -> str:
    """The line cut, swapped, of wrong types, with huge numbers or with characters out of place."""
    position, other = sorted(chance.choices(range(len(line) + 1), k=2))
    odd = chance.choice(["\r", "\x85", "\u2028", "\x0b", "\x00", "\t", ";", ":", "\U0001f600"])
    words = line.split(" ")
    chance.shuffle(words)
    return chance.choice([
        line[:position],
        line[:position] + line[other:],
        line[other:] + line[:position],
        " ".join(words),
        line[:position] + odd + line[position:],
        line.replace("\t", " "),
        line.replace(" ", "\t"),
        line.replace(" 4", " " + "9" * chance.choice([3, 30, 6000])),
        line.replace("0", chance.choice(["-1", "0.5", "null", "٠", "[" * 50, "1e9"])),
        line.replace("T1", chance.choice(["T99", "", "R1", "\x00", "T1;T2", "Т1"])),
        line.replace("Q", chance.choice(["P", "", "Q0", "Q" * 999])),
    ])  # fmt: skip


def damaged_file(chance: random.Random) -> bytes:
    """Fifty lines, each damaged; a fifth of such files is no UTF-8."""
    content = "\n".join(damaged_line(line, chance) for line in chance.sample(BRAT_LINES * 5, 50)).encode()
    position = chance.randrange(len(content))
    broken = chance.choice([b"\xff", b"\xd0", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
    return content[:position] + broken * (chance.random() < 0.2) + content[position:]


def write_files(folder: Path, chance: random.Random | None, _: int) -> int:
    """A folder of 20 whole documents and, with ``chance``, ten damaged ones before each of them."""
    split = folder / "dev"
    split.mkdir(parents=True)
    for number in range(220):
        name, whole = f"{number:03}_text", number % 11 == 10
        if not (whole or chance):
            continue
        annotation, text = "\n".join(BRAT_LINES).encode(), BRAT_TEXT
        if chance and not whole:
            annotation = damaged_file(chance)
            text = damaged_line(text, chance) if number % 2 else text
        (split / f"{name}.ann").write_bytes(annotation)
        (split / f"{name}.txt").write_bytes(text.encode())
    return len(list(split.glob("*.ann")))


READERS = {
    "brat": Reader("brat", "dev", write_files),
    "nerel": Reader("nerel", "dev", write_files),
    "rebel": Reader("rebel", "train", partial(write_lines, rebel, "train.jsonl")),
    "redfm": Reader("redfm", "train", partial(write_lines, partial(raw, lang="en"), "train.en.jsonl")),
    "sredfm": Reader("sredfm", "train", partial(write_lines, partial(raw, lang="ru"), "train.ru.jsonl")),
    "sredfm as the Hub has it": Reader("sredfm", "train", partial(write_lines, hub, "train.ru.jsonl")),
}
ENGLISH = {
    "docred": Reader("docred", "train", partial(write_lines, page, "train.jsonl")),
    "docred_ie": Reader("docred_ie", "train", partial(write_lines, page, "train.jsonl")),
    "conll04": Reader("conll04", "train", partial(write_lines, sentence, "train.jsonl")),
    "conll04 with tags": Reader("conll04", "train", partial(write_lines, tagged_sentence, "train.jsonl")),
    "nyt by place": Reader("nyt", "train", partial(write_lines, by_place, "train.jsonl")),
    "nyt by name": Reader("nyt", "train", partial(write_lines, by_name, "train.jsonl")),
    "aida": Reader("aida", "train", write_table),
    "aida of KILT": Reader("aida", "train", partial(write_lines, one_mention, "train.jsonl")),
    "dwie": Reader("dwie", "train", write_articles),
}
CASES = [
    *(pytest.param(reader, MANY, id=name) for name, reader in READERS.items()),
    *(pytest.param(reader, FEW, id=name) for name, reader in ENGLISH.items()),
    *(pytest.param(reader, MANY, id=f"{name}, many", marks=pytest.mark.slow) for name, reader in ENGLISH.items()),
]


@pytest.mark.parametrize(("reader", "copies"), CASES)
def test_damaged_lines_only_cost_themselves(tmp_path: Path, reader: Reader, copies: int) -> None:
    whole = reader.write(tmp_path / "whole", None, copies)
    written = reader.write(tmp_path / "broken", random.Random(7), copies)
    report = TolerantReport()
    found = read(reader, tmp_path / "broken", report)
    sound = read(reader, tmp_path / "whole", Report())
    assert len(sound) == whole
    assert {id: found[id] for id in sound} == sound
    tally = report.tally()
    bad = sum(count for what, count in tally.items() if what.startswith("bad: "))
    left_out = sum(report.counts[what] for what in LEFT_OUT)
    assert len(found) + bad + tally[REPEATED] + left_out == written, "everything is there or counted"
    assert report.counts["documents"] == len(found)
    assert not [fault for document in found.values() for fault in check(document)]
    assert report.counts["triples"] == sum(len(document.triples) for document in found.values())
    assert written * 0.05 < bad < written * 0.9, "some damage is unreadable, some is not"
    assert len(tally) >= 3, "and some is repaired"
    assert (report.table() + json.dumps(report.json(), ensure_ascii=False)).encode()
    for stern in (Report(), StrictReport()):
        with pytest.raises(DataError) as caught:
            read(reader, tmp_path / "broken", stern)
        assert caught.value.where
