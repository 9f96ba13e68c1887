"""``relik-ml index`` as a user meets it: build, change, search, info, and errors with their exit codes."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result

from relik_ml.data import Format, write_entries, write_manifest
from relik_ml.encoders import TextEncoder
from relik_ml.index import PassageIndex
from relik_ml.models import BiEncoder
from relik_ml.names import Learnt, NameTable
from relik_ml.types import Entry
from tests.cli.conftest import refused
from tests.cli.conftest import run as relik_ml
from tests.dump import entities, json_line, write_json

ENTRIES = [
    Entry("Q649", "entity", "Москва", "столица России", aliases=("Первопрестольная",)),
    Entry("Q656", "entity", "Санкт-Петербург", "город на Неве", aliases=("Ленинград",)),
    Entry("Q7747", "entity", "Владимир Путин", "президент России"),
    Entry("WORKPLACE", "relation", "место работы"),
]
OMSK = Entry("Q898", "entity", "Омск", "город на Иртыше в Сибири")

run = partial(relik_ml, "index")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_entries(ENTRIES, tmp_path / "entries.jsonl")
    return tmp_path / "entries.jsonl"


@pytest.fixture
def more(tmp_path: Path) -> Path:
    write_entries([OMSK], tmp_path / "more.jsonl")
    return tmp_path / "more.jsonl"


@pytest.fixture
def index(table: Path, tmp_path: Path) -> Path:
    result = run("build", table, "--out", tmp_path / "index", "--provenance", "выдумано для теста")
    assert (result.exit_code, "4 rows" in result.stderr) == (0, True), result.output
    return tmp_path / "index"


def make_encoder() -> TextEncoder:
    """A BERT of width 8 over seven words, four tokens long."""
    transformers = pytest.importorskip("transformers", reason="needs the extra relik-ml[train]")
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: id for id, word in enumerate(["[PAD]", "[UNK]", "passage", "query", "Москва", "столица", "поэт"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    return TextEncoder(BiEncoder(transformers.BertModel(config)), tokenizer, max_length=4)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    make_encoder().save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


def ids(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [line.split()[1] for line in result.stdout.splitlines()]


def ways(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [line.split()[2] for line in result.stdout.splitlines()]


# Search


def test_inflected_names_are_found(index: Path) -> None:
    for text, id in (("Владимиром Путиным", "Q7747"), ("в Ленинграде", "Q656"), ("Москвою", "Q649")):
        result = run("search", text, "--index", index)
        assert (ids(result)[0], ways(result)[0]) == (id, "name")
    text = "Из Москвы в Ленинград приехал Владимир Путин"
    assert len(ids(run("search", text, "--index", index))) == 3
    assert len(ids(run("search", text, "--index", index, "--k", 2))) == 2


def test_nothing_found_is_reported(index: Path) -> None:
    for text, why in (("абракадабра", "names no entry"), (" ", "empty")):
        result = run("search", text, "--index", index)
        assert (ids(result), result.stderr.startswith("nothing found"), why in result.stderr) == ([], True, True)


def test_relations_are_found_by_name_and_by_vector(encoder: Path, table: Path, tmp_path: Path) -> None:
    run("build", "nerel_relations", "--out", tmp_path / "names")
    search = ["search", "с местом рождения и местом смерти", "--relations", "--k", 2, "--index", tmp_path / "names"]
    assert {*ids(run(*search))} == {"PLACE_OF_BIRTH", "PLACE_OF_DEATH"}
    nothing = run("search", "тишина", "--relations", "--index", tmp_path / "names")
    assert (ids(nothing), "nothing found" in nothing.stderr) == ([], True)
    run("build", "nerel_relations", "--encoder", encoder, "--out", tmp_path / "index")
    search = ["search", "место работы", "--relations", "--k", 3, "--index", tmp_path / "index", "--encoder", encoder]
    assert ways(run(*search)) == ["name", "vector", "vector"]
    assert ids(run(*search))[0] == "WORKPLACE"
    assert len({*ids(run(*search))}) == 3
    rows = [Entry("P19", "relation", "place of birth", "", "en"), Entry("P19", "relation", "место рождения")]
    write_entries(rows, table)
    run("build", table, "--out", tmp_path / "twice")
    search = ["search", "place of birth, место рождения", "--relations", "--index", tmp_path / "twice"]
    assert ids(run(*search)) == ["P19"], "one id in two languages is found once"


def test_embedded_index_is_the_default(root: Path) -> None:
    if not (root / "relik_ml" / "pretrained" / "index").is_dir():
        pytest.skip("no embedded index in this checkout")
    assert "Q649" in ids(run("search", "Москва"))


def test_odd_texts_are_printed_on_one_line(tmp_path: Path) -> None:
    rows = [Entry("Q1", "entity", "имя \ud800", "слово\n" * 50)]  # a source may hold lone surrogates, files do not
    PassageIndex.build(rows, None, tmp_path / "index", extra={"names": NameTable.build(rows, Learnt()).packed()})
    (line,) = run("search", "имя \ud800", "--index", tmp_path / "index").stdout.splitlines()
    assert "…" in line
    line.encode()


# Build, change, describe


def test_info_for_people_and_for_programs(index: Path) -> None:
    people, today = run("info", "--index", index), datetime.now(UTC).date().isoformat()
    for expected in ("3 entity, 1 relation", "выдумано для теста", "relik-ml-index/4", "names", today):
        assert expected in people.stdout
    assert f"1 relation: выдумано для теста, written {today}; see" in run("search", "Ы", "--index", index).stderr
    record = json.loads(run("info", "--index", index, "--json").stdout)
    assert record["kinds"] == {"entity": 3, "relation": 1}
    assert record["encoder"] is None


def test_sources_are_files_names_and_names_with_a_path(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"qid": "Q1", "labels": {"ru": "Вселенная"}}
    (tmp_path / "kb.jsonl").write_text(json.dumps(record) + "\n", "utf-8")
    (tmp_path / "part=1.jsonl").write_bytes(table.read_bytes())
    monkeypatch.chdir(tmp_path)
    result = run("build", "part=1.jsonl", "jsonl=kb.jsonl", "--set", "langs=ru", "--out", "index")
    assert (result.exit_code, "entities in the index" in result.stderr) == (0, True), result.output
    index = PassageIndex.open("index")
    assert [entry.id for entry in index.entries] == [*(entry.id for entry in ENTRIES), "Q1"]
    assert index.manifest["provenance"] == "part=1.jsonl; jsonl=kb.jsonl"
    assert "49 rows" in run("build", "nerel_relations", "--out", "index").stderr, "an index is replaced by an index"


def test_rows_are_added_and_removed(index: Path, more: Path, tmp_path: Path) -> None:
    assert "5 rows" in run("add", more, "--index", index).stderr
    assert "Q898" in ids(run("search", "в Омске", "--index", index))
    assert "Q649" in ids(run("search", "Москвою", "--index", index))
    smaller, again = tmp_path / "smaller", tmp_path / "again"
    assert "3 rows" in run("remove", "Q898", "Q649", "--index", index, "--out", smaller).stderr
    assert ids(run("search", "Москвою", "--index", smaller)) == []
    assert len(PassageIndex.open(index)) == 5, "the old one is left alone"
    names = PassageIndex.open(smaller).extra["names"]
    run("add", more, "--index", smaller, "--out", again)
    run("remove", "Q898", "--index", again)
    for name, array in PassageIndex.open(again).extra["names"].items():
        assert array.tobytes() == names[name].tobytes(), name


def test_index_with_vectors_needs_its_own_encoder(table: Path, encoder: Path, more: Path, tmp_path: Path) -> None:
    index, other = ["--index", tmp_path / "index"], make_encoder()
    other.max_length = 3
    other.save_pretrained(tmp_path / "other")
    result = run("build", table, "--encoder", encoder, "--storage", "int8", "--out", tmp_path / "index")
    assert "2 passages cut" in result.stderr
    found = run("search", "поэт", *index, "--encoder", encoder, "--k", 2)
    assert ways(found) == ["vector", "vector"]
    assert "by name alone" not in found.stderr
    assert "by name alone" in run("search", "Москва", *index).stderr
    refused(run("search", "поэт", *index, "--encoder", tmp_path / "other"), 5, "another encoder")
    refused(run("add", more, *index), 7, "--encoder")
    added = run("add", more, *index, "--encoder", encoder)
    assert "1 passages cut" in added.stderr
    assert "searched as exact" in added.stderr


def test_verify_reads_every_file(index: Path) -> None:
    assert run("verify", "--index", index).exit_code == 0
    for name in ("names.safetensors", "rows.blocks"):
        path = index / name
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        for command in (["verify"], ["search", "Москва"]):
            refused(run(*command, "--index", index), 5, "damaged")


def test_dump_becomes_an_index(tmp_path: Path) -> None:
    write_json(tmp_path / "dump.json.gz", [json_line(made) for made in entities(60, seed=3)])
    extracted = ["extract", "wikidata", tmp_path / "dump.json.gz", "--out", tmp_path / "rows", "--set", "langs=ru,en"]
    result = run(*extracted, "--set", "min_sitelinks=1")
    assert (result.exit_code, "records" in result.stderr) == (0, True), result.output
    sources = (f"wikidata={tmp_path / 'rows'}", f"wikidata_properties={tmp_path / 'rows'}")
    for rows in ("entity", "language"):
        result = run("build", *sources, "--set", f"rows={rows}", "--out", tmp_path / rows)
        assert result.exit_code == 0, result.output
    one, many = PassageIndex.open(tmp_path / "entity"), PassageIndex.open(tmp_path / "language")
    assert len(set(one.entries.ids)) == len(one) < len(many)
    assert {*one.entries.ids} == {*many.entries.ids}
    name = next(entry.name for entry in one.entries if entry.kind == "entity")
    for index in ("entity", "language"):
        found = ids(run("search", name, "--index", tmp_path / index))
        assert found
        assert len(found) == len(set(found)), "an entity is found once, however many rows it has"


# Errors


@pytest.mark.parametrize(("words", "code", "message"), [
    ("search Москва --index нет", 5, "holds no index"),
    ("info --index нет", 5, "holds no index"),
    ("build нет.jsonl.gz --out куда", 3, "нет.jsonl.gz"),
    ("build нет.csv --out куда", 3, "No such file"),
    ("build там/нет --out куда", 3, "No such file"),
    ("build nerel_relations --kind ivf-sq8 --out куда", 2, "need --encoder"),
    ("build nerel_relations --storage int8 --out куда", 2, "leave out --storage"),
    ("build nerel_relations --batch-size 8 --device cpu --out куда", 2, "leave out --batch-size and --device"),
    ("build nerel_relations --kind flat --out куда", 2, "flat"),
    ("add nerel_relations --batch-size 8 --index куда", 2, "leave out --batch-size"),
    ("search Москва --device cuda --index куда", 2, "leave out --device"),
    ("build no_such_source --out куда", 7, "no_such_source"),
    ("build nerel_relations nerel_relations --out куда", 3, "two entries have one id"),
    ("build nerel_relations --encoder a/b/c --out куда", 5, "no such encoder folder"),
    ("build --out куда", 2, "SOURCE"),
    ("search Москва --k 0", 2, "--k"),
    ("build wikidata=dump.json --out out --set classes=Q5 --set classes=Q515", 7, "given twice"),
    ("build wikidata=dump.json --out out --set colour=red", 7, "no source has such"),
    ("build wikidata=dump.json --out out --set min_sitelinks=x", 7, "wrong type"),
    ("build wikidata=dump.json --out out --set classes", 7, "no value"),
    ("build wikidata=dump.json --out out --set classes=", 7, "no value"),
    ("build wikidata=dump.json --out out --set langs=,", 7, "no language"),
    ("build wikidata=dump.json --out out --set classes=Q42", 3, "items of no wanted class"),
    ("build rows --out out", 7, "write wikidata=rows"),
    ("extract wikidata dump.json --out out --set min_sitelink=3", 7, "no such setting"),
    ("extract wikidata dump.json --out out --set classes=Q5", 7, "no such setting"),
    ("extract wikidata dump.json --out out --set langs", 7, "no value"),
    ("extract nerel_relations dump.json --out out", 7, "reads no dumps"),
])  # fmt: skip
def test_wrong_usage_ends_with_a_message_and_writes_nothing(
    words: str, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows").mkdir()
    write_json(tmp_path / "dump.json", [json_line(made) for made in entities(9, seed=3)])
    result = run(*words.split())
    assert (result.exit_code, message in result.stderr, "Traceback" in result.output) == (code, True, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump.json", "rows"]


def test_index_that_lacks_what_is_searched_says_so(index: Path, table: Path, encoder: Path, tmp_path: Path) -> None:
    for words in (["search", "Москва"], ["add", table]):
        refused(run(*words, "--index", index, "--encoder", encoder), 7, "no vectors")
    PassageIndex.build(ENTRIES[:1], None, tmp_path / "bare")
    for option, message in (([], "holds no names"), (["--relations"], "holds no relations")):
        refused(run("search", "Москва", *option, "--index", tmp_path / "bare"), 7, message)


@pytest.mark.parametrize("words", [["build"], ["add", "--index", "index"], ["remove", "--index", "index"]])
def test_folder_of_other_files_is_never_replaced(
    words: list[str], encoder: Path, index: Path, more: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "dump.json", [json_line(made) for made in entities(3, seed=3)])
    assert run("extract", "wikidata", "dump.json", "--out", "extraction").exit_code == 0
    for kind in ("model", "retriever"):
        (tmp_path / kind).mkdir()
        write_manifest(tmp_path / kind, Format(kind, f"relik-ml-{kind}/1", ""), {})
    for folder in ("model", "retriever", "encoder", "extraction", "."):
        before = {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
        refused(run(*words, "Q649" if words[0] == "remove" else more, "--out", folder), 6, "holds other files")
        assert {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()} == before


def test_a_copy_of_the_embedded_index_is_changed(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (root / "relik_ml" / "pretrained" / "index").is_dir():
        pytest.skip("relik_ml/pretrained holds no index")
    monkeypatch.setenv("RELIK_ML_DATA", str(tmp_path / "data"))
    table = tmp_path / "own.csv"
    table.write_text("name,id\nЗимин Олег Павлович,staff-2\n", "utf-8")
    found = ["search", "с Олегом Зиминым", "--k", 1, "--index", "embedded"]
    assert ids(run(*found)) != ["staff-2"]
    assert run("add", table).exit_code == 0
    assert ids(run(*found)) == ["staff-2"]
    refused(run("add", table), 3, "staff-2", "--replace")
    assert run("add", table, "--replace").exit_code == 0
    assert run("remove", "staff-2").exit_code == 0
    assert ids(run(*found)) != ["staff-2"]
    (copy,) = (tmp_path / "data").iterdir()
    copy.rename(copy.with_name("index-0123456789ab"))
    refused(run("info"), 5, "another version", "index reset")
    assert "deleted" in run("reset").stderr
    assert "as it was installed" in run("reset").stderr
