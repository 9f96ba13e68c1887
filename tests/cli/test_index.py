"""``relik-ml index`` as a user meets it: build, search, info, and what it says when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relik_ml.cli import main
from relik_ml.cli.index import EMBEDDED
from relik_ml.data import Format, write_entries, write_manifest
from relik_ml.index import PassageIndex
from relik_ml.models import BiEncoder
from relik_ml.names import Learnt, NameIndex, surface_keys
from relik_ml.retriever import TextEncoder
from relik_ml.text import Morphology
from relik_ml.types import Entry
from tests.dump import entities, json_line, write_json

ENTRIES = [
    Entry("Q649", "entity", "Москва", "столица России", aliases=("Первопрестольная",)),
    Entry("Q656", "entity", "Санкт-Петербург", "город на Неве", aliases=("Ленинград",)),
    Entry("Q7747", "entity", "Владимир Путин", "президент России"),
    Entry("WORKPLACE", "relation", "место работы"),
]

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(main, ["index", *map(str, words)])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_entries(ENTRIES, tmp_path / "entries.jsonl")
    return tmp_path / "entries.jsonl"


@pytest.fixture
def index(table: Path, tmp_path: Path, run: Run) -> Path:
    result = run("build", table, "--out", tmp_path / "index", "--provenance", "выдумано для теста")
    assert result.exit_code == 0, result.output
    assert "4 rows" in result.stderr
    return tmp_path / "index"


def test_an_inflected_name_is_found(index: Path, run: Run) -> None:
    for text, id in (("Владимиром Путиным", "Q7747"), ("в Ленинграде", "Q656"), ("Москвою", "Q649")):
        result = run("search", text, "--index", index)
        assert result.exit_code == 0, result.output
        _, found, how, *_ = result.stdout.splitlines()[0].split()
        assert (found, how) == (id, "name")


def test_k_bounds_what_is_printed(index: Path, run: Run) -> None:
    text = "Из Москвы в Ленинград приехал Владимир Путин"
    assert len(run("search", text, "--index", index).stdout.splitlines()) == 3
    assert len(run("search", text, "--index", index, "--k", 2).stdout.splitlines()) == 2


def test_nothing_found_is_said(index: Path, run: Run) -> None:
    result = run("search", "абракадабра", "--index", index)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("nothing found: the text names no entry")
    assert run("search", " ", "--index", index).stderr == "nothing found: the text is empty\n"


def test_relations_are_found_by_name_in_any_inflection_and_by_vector(table: Path, tmp_path: Path, run: Run) -> None:
    result = run("build", table, "nerel_relations", "--out", tmp_path / "names")
    assert result.exit_code == 3, "WORKPLACE is in both"
    run("build", "nerel_relations", "--out", tmp_path / "names")
    found = run("search", "с местом рождения и местом смерти", "--relations", "--index", tmp_path / "names", "--k", 2)
    assert found.exit_code == 0, found.output
    assert {tuple(row.split()[1:3]) for row in found.stdout.splitlines()} == {
        ("PLACE_OF_BIRTH", "name"), ("PLACE_OF_DEATH", "name")
    }  # fmt: skip
    nothing = run("search", "тишина", "--relations", "--index", tmp_path / "names")
    assert (nothing.stdout, "nothing found" in nothing.stderr) == ("", True)
    make_encoder().save_pretrained(tmp_path / "encoder")
    run("build", "nerel_relations", "--encoder", tmp_path / "encoder", "--out", tmp_path / "index")
    with_vectors = ["--relations", "--index", tmp_path / "index", "--encoder", tmp_path / "encoder", "--k", 3]
    rows = run("search", "место работы", *with_vectors).stdout.splitlines()
    assert [row.split()[2] for row in rows] == ["name", "vector", "vector"]
    assert rows[0].split()[1] == "WORKPLACE"
    assert len({row.split()[1] for row in rows}) == 3


def test_a_relation_of_several_languages_is_found_once(tmp_path: Path, run: Run) -> None:
    rows = [Entry("P19", "relation", "place of birth", "", "en"), Entry("P19", "relation", "место рождения")]
    write_entries(rows, tmp_path / "entries.jsonl")
    run("build", tmp_path / "entries.jsonl", "--out", tmp_path / "index")
    found = run("search", "place of birth, место рождения", "--relations", "--index", tmp_path / "index")
    assert [row.split()[1] for row in found.stdout.splitlines()] == ["P19"]


def test_relations_of_an_index_that_has_none(tmp_path: Path, run: Run) -> None:
    write_entries(ENTRIES[:1], tmp_path / "entries.jsonl")
    run("build", tmp_path / "entries.jsonl", "--out", tmp_path / "index")
    result = run("search", "Москва", "--relations", "--index", tmp_path / "index")
    assert (result.exit_code, "holds no relations" in result.stderr, "nerel_relations" in result.stderr) == (
        7,
        True,
        True,
    )


def test_info_for_people_and_for_programs(index: Path, run: Run) -> None:
    people = run("info", "--index", index)
    assert people.exit_code == 0
    for expected in ("3 entity, 1 relation", "выдумано для теста", "relik-ml-index/3", "names"):
        assert expected in people.stdout
    record = json.loads(run("info", "--index", index, "--json").stdout)
    assert record["kinds"] == {"entity": 3, "relation": 1}
    assert record["encoder"] is None


def test_sources_are_files_names_and_names_with_a_path(table: Path, tmp_path: Path, run: Run) -> None:
    record = {"qid": "Q1", "labels": {"ru": "Вселенная"}, "aliases": {}, "descriptions": {}, "types": []}
    (tmp_path / "kb.jsonl").write_text(json.dumps(record) + "\n", "utf-8")
    result = run("build", table, f"jsonl={tmp_path / 'kb.jsonl'}", "--set", "langs=ru", "--out", tmp_path / "index")
    assert result.exit_code == 0, result.output
    assert "entities in the index                                                1\n" in result.stderr
    index = PassageIndex.open(tmp_path / "index")
    assert [entry.id for entry in index.entries] == [*(entry.id for entry in ENTRIES), "Q1"]
    assert index.manifest["provenance"] == f"{table}; jsonl={tmp_path / 'kb.jsonl'}"
    result = run("build", "nerel_relations", "--out", tmp_path / "relations")
    assert result.exit_code == 0, result.output
    assert "49 rows" in result.stderr


def test_a_file_with_a_sign_of_equality_in_its_name_is_a_file(
    table: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "part=1.jsonl").write_bytes(table.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert run("build", "part=1.jsonl", "--out", tmp_path / "index").exit_code == 0


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


def test_an_index_with_vectors_needs_its_own_encoder(table: Path, tmp_path: Path, run: Run) -> None:
    encoder = make_encoder()
    encoder.save_pretrained(tmp_path / "encoder")
    encoder.max_length = 3
    encoder.save_pretrained(tmp_path / "other")
    index = tmp_path / "index"
    result = run("build", table, "--encoder", tmp_path / "encoder", "--storage", "int8", "--out", index)
    assert result.exit_code == 0, result.output
    assert "2 passages cut (50.00% of those encoded)" in result.stderr
    found = run("search", "поэт", "--index", index, "--encoder", tmp_path / "encoder", "--k", 2)
    assert [row.split()[2] for row in found.stdout.splitlines()] == ["vector", "vector"]
    assert "by name alone" not in found.stderr
    assert "by name alone" in run("search", "Москва", "--index", index).stderr
    refused = run("search", "поэт", "--index", index, "--encoder", tmp_path / "other")
    assert refused.exit_code == 5
    assert "another encoder" in refused.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["search", "Москва", "--index", "нет"], 5, "holds no index"),
        (["info", "--index", "нет"], 5, "holds no index"),
        (["build", "нет.jsonl", "--out", "куда"], 3, "нет.jsonl"),
        (["build", "нет.jsonl.gz", "--out", "куда"], 3, "No such file"),
        (["build", "нет.csv", "--out", "куда"], 3, "No such file"),
        (["build", "там/нет", "--out", "куда"], 3, "No such file"),
        (["build", "nerel_relations", "--kind", "ivf-sq8", "--out", "куда"], 2, "need --encoder"),
        (["build", "nerel_relations", "--storage", "int8", "--out", "куда"], 2, "leave out --storage"),
        (
            ["build", "nerel_relations", "--batch-size", "8", "--device", "cpu", "--out", "куда"],
            2,
            "leave out --batch-size and --device",
        ),
        (["add", "nerel_relations", "--batch-size", "8", "--index", "куда"], 2, "leave out --batch-size"),
        (["search", "Москва", "--device", "cuda", "--index", "куда"], 2, "leave out --device"),
        (["build", "no_such_source", "--out", "куда"], 7, "no_such_source"),
        (["build", "nerel_relations", "nerel_relations", "--out", "куда"], 3, "two entries have one id"),
        (["build", "nerel_relations", "--encoder", "a/b/c", "--out", "куда"], 5, "no such encoder folder"),
        (["build", "--out", "куда"], 2, "SOURCE"),
        (["search", "Москва", "--k", "0"], 2, "--k"),
    ],
)
def test_what_goes_wrong_is_said_without_a_traceback(
    words: list[str], code: int, message: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_byte_is_refused(index: Path, run: Run) -> None:
    path = index / "rows.jsonl.xz"
    data = bytearray(path.read_bytes())
    data[-20] ^= 4
    path.write_bytes(data)
    result = run("search", "Москва", "--index", index)
    assert result.exit_code == 5
    assert "rows.jsonl.xz" in result.stderr


def test_a_folder_of_other_files_is_not_replaced(table: Path, run: Run) -> None:
    result = run("build", table, "--out", table.parent)
    assert result.exit_code == 6
    assert table.exists()


@pytest.fixture
def valued(table: Path, tmp_path: Path, run: Run) -> dict[str, Path]:
    """Folders with a manifest.json or a config.json that are no index."""
    write_json(tmp_path / "dump.json", [json_line(made) for made in entities(3, seed=3)])
    assert run("extract", "wikidata", tmp_path / "dump.json", "--out", tmp_path / "extraction").exit_code == 0
    make_encoder().save_pretrained(tmp_path / "encoder")
    folders = {kind: tmp_path / kind for kind in ("model", "retriever", "encoder", "extraction")}
    for kind in ("model", "retriever"):
        folders[kind].mkdir()
        (folders[kind] / "reader.safetensors").write_bytes(b"weights")
        write_manifest(folders[kind], Format(kind, f"relik-ml-{kind}/1", ""), {})
    return folders


@pytest.mark.parametrize("words", [["build"], ["add", "--index", "index"], ["remove", "--index", "index"]])
def test_what_is_no_index_is_never_replaced(
    words: list[str], valued: dict[str, Path], index: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_entries([Entry("Q898", "entity", "Омск")], tmp_path / "more.jsonl")
    for folder in valued.values():
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        result = run(*words, "Q649" if words[0] == "remove" else "more.jsonl", "--out", folder)
        assert (result.exit_code, "holds other files" in result.stderr) == (6, True), result.output
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_index_is_replaced_by_an_index(index: Path, table: Path, run: Run) -> None:
    assert run("build", table, "--out", index).exit_code == 0


def test_an_index_without_names_says_so(tmp_path: Path, run: Run) -> None:
    PassageIndex.build(ENTRIES, None, tmp_path / "index")
    result = run("search", "Москва", "--index", tmp_path / "index")
    assert result.exit_code == 7
    assert "holds no names" in result.stderr


def test_help_has_an_example_for_every_command(run: Run) -> None:
    for words in ([], ["extract"], ["build"], ["add"], ["remove"], ["search"], ["info"], ["verify"]):
        result = run(*words, "--help")
        assert result.exit_code == 0
        assert "Examples:" in result.stdout


@pytest.mark.skipif(not EMBEDDED.exists(), reason="no embedded index in this checkout")
def test_the_embedded_index_is_the_default(run: Run) -> None:
    result = run("search", "Москва")
    assert result.exit_code == 0
    assert "Q649" in result.stdout


def test_rows_are_added_and_removed(index: Path, tmp_path: Path, run: Run) -> None:
    write_entries([Entry("Q898", "entity", "Омск")], tmp_path / "more.jsonl")
    added = run("add", tmp_path / "more.jsonl", "--index", index)
    assert (added.exit_code, "5 rows" in added.stderr) == (0, True), added.output
    assert "Q898" in run("search", "в Омске", "--index", index).stdout
    assert "Q649" in run("search", "Москвою", "--index", index).stdout
    smaller = tmp_path / "smaller"
    removed = run("remove", "Q898", "Q649", "--index", index, "--out", smaller)
    assert (removed.exit_code, "3 rows" in removed.stderr) == (0, True), removed.output
    assert "nothing found" in run("search", "Москвою", "--index", smaller).stderr
    assert len(PassageIndex.open(index)) == 5, "the old one is left alone"
    again, names = tmp_path / "again", PassageIndex.open(smaller).extra["names"]
    run("add", tmp_path / "more.jsonl", "--index", smaller, "--out", again)
    run("remove", "Q898", "--index", again)
    for name, array in PassageIndex.open(again).extra["names"].items():
        assert array.tobytes() == names[name].tobytes(), name
    refused = run("remove", "Q1", "--index", index)
    assert (refused.exit_code, "no such id" in refused.stderr) == (3, True)


def test_what_was_learnt_of_names_outlives_changes(tmp_path: Path, run: Run) -> None:
    lemma, index = Morphology().lemma, tmp_path / "index"
    names = NameIndex.build(ENTRIES, Learnt({(key, 2): 3 for key in surface_keys("глава Кремля", lemma)}), lemma)
    PassageIndex.build(ENTRIES, None, index, extra={"names": names.arrays()})
    before = run("search", "о главе Кремля", "--index", index).stdout
    assert "Q7747" in before
    write_entries([Entry("Q898", "entity", "Омск")], tmp_path / "more.jsonl")
    for change in (["remove", "Q649"], ["add", tmp_path / "more.jsonl"]):
        assert run(*change, "--index", index).exit_code == 0
        assert run("search", "о главе Кремля", "--index", index).stdout == before


def test_new_rows_of_an_index_with_vectors_need_its_encoder(table: Path, tmp_path: Path, run: Run) -> None:
    make_encoder().save_pretrained(tmp_path / "encoder")
    run("build", table, "--encoder", tmp_path / "encoder", "--out", tmp_path / "index")
    write_entries([Entry("Q898", "entity", "Омск")], tmp_path / "more.jsonl")
    refused = run("add", tmp_path / "more.jsonl", "--index", tmp_path / "index")
    assert (refused.exit_code, "--encoder" in refused.stderr) == (7, True)
    added = run("add", tmp_path / "more.jsonl", "--index", tmp_path / "index", "--encoder", tmp_path / "encoder")
    assert (added.exit_code, "searched as exact" in added.stderr) == (0, True), added.output


def test_verify_reads_every_file(index: Path, run: Run) -> None:
    assert run("verify", "--index", index).stdout.endswith("files, all as they were written\n")
    (index / "names.safetensors").write_bytes(b"")
    assert run("verify", "--index", index).exit_code == 5


def test_a_dump_becomes_an_index(tmp_path: Path, run: Run) -> None:
    write_json(tmp_path / "dump.json.gz", [json_line(made) for made in entities(60, seed=3)])
    extracted = ["extract", "wikidata", tmp_path / "dump.json.gz", "--out", tmp_path / "rows", "--set", "langs=ru,en"]
    result = run(*extracted, "--set", "min_sitelinks=1")
    assert result.exit_code == 0, result.output
    assert "records" in result.stderr
    sources = (f"wikidata={tmp_path / 'rows'}", f"wikidata_properties={tmp_path / 'rows'}")
    for rows in ("entity", "language"):
        result = run("build", *sources, "--set", f"rows={rows}", "--out", tmp_path / rows)
        assert result.exit_code == 0, result.output
    one, many = PassageIndex.open(tmp_path / "entity"), PassageIndex.open(tmp_path / "language")
    assert len(set(one.entries.ids)) == len(one) < len(many)
    assert {*one.entries.ids} == {*many.entries.ids}
    name = next(entry.name for entry in one.entries if entry.kind == "entity")
    for index in ("entity", "language"):
        found = [row.split()[1] for row in run("search", name, "--index", tmp_path / index).stdout.splitlines()]
        assert found
        assert len(found) == len(set(found)), "an entity is found once, whatever it has of rows"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("classes=Q5 --set classes=Q515", "a setting is given twice"),
        ("colour=red", "no source has such a setting"),
        ("min_sitelinks=x", "the wrong type"),
        ("classes", "a setting has no value"),
        ("classes=", "a setting has no value"),
        ("langs=,", "no language is named"),
    ],
)
def test_settings_that_cannot_be(setting: str, message: str, tmp_path: Path, run: Run) -> None:
    write_json(tmp_path / "dump.json", [json_line(made) for made in entities(3, seed=3)])
    result = run("build", f"wikidata={tmp_path / 'dump.json'}", "--set", *setting.split(), "--out", tmp_path / "index")
    assert (result.exit_code, message in result.stderr) == (7, True), result.output


def test_what_leaves_nothing_to_index_says_what_was_left_out(tmp_path: Path, run: Run) -> None:
    write_json(tmp_path / "dump.json", [json_line(made) for made in entities(9, seed=3)])
    build = ["build", f"wikidata={tmp_path / 'dump.json'}", "--out", tmp_path / "index"]
    result = run(*build, "--set", "classes=Q42")
    assert (result.exit_code, "items of no wanted class" in result.stderr) == (3, True), result.output
    assert not (tmp_path / "index").exists()
    assert "items in the index" in run(*build).stderr


def test_a_folder_needs_its_source(tmp_path: Path, run: Run) -> None:
    (tmp_path / "rows").mkdir()
    result = run("build", tmp_path / "rows", "--out", tmp_path / "index")
    assert (result.exit_code, f"write wikidata={tmp_path / 'rows'}" in result.stderr) == (7, True), result.output


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("min_sitelink=3", "heeds no such setting"),
        ("classes=Q5", "heeds no such setting"),
        ("langs", "a setting has no value"),
    ],
)
def test_settings_that_an_extraction_would_not_heed(setting: str, message: str, tmp_path: Path, run: Run) -> None:
    write_json(tmp_path / "dump.json", [json_line(made) for made in entities(3, seed=3)])
    result = run("extract", "wikidata", tmp_path / "dump.json", "--set", setting, "--out", tmp_path / "rows")
    assert (result.exit_code, message in result.stderr) == (7, True), result.output
    assert not (tmp_path / "rows").exists()


def test_an_encoder_for_an_index_without_vectors_is_refused(index: Path, table: Path, tmp_path: Path, run: Run) -> None:
    make_encoder().save_pretrained(tmp_path / "encoder")
    for words in (["search", "Москва"], ["add", table]):
        result = run(*words, "--index", index, "--encoder", tmp_path / "encoder")
        assert (result.exit_code, "the index has no vectors" in result.stderr) == (7, True), result.output


def test_k_are_found_by_name_and_by_vector(tmp_path: Path, run: Run) -> None:
    write_entries([Entry(f"Q{row}", "entity", "Дельта" if row < 20 else f"имя {row}") for row in range(50)],
                  tmp_path / "many.jsonl")  # fmt: skip
    make_encoder().save_pretrained(tmp_path / "encoder")
    run("build", tmp_path / "many.jsonl", "--encoder", tmp_path / "encoder", "--out", tmp_path / "index")
    query = ["search", "Дельта", "--index", tmp_path / "index", "--encoder", tmp_path / "encoder"]
    for k, named in ((5, 5), (30, 20), (50, 20)):
        found = [row.split()[2] for row in run(*query, "--k", k).stdout.splitlines()]
        assert len(found) == k
        assert found.count("name") == named


def test_what_changed_an_index_is_told_of_the_change(table: Path, tmp_path: Path, run: Run) -> None:
    make_encoder().save_pretrained(tmp_path / "encoder")
    run("build", table, "--encoder", tmp_path / "encoder", "--out", tmp_path / "index")
    write_entries([Entry("Q898", "entity", "Омск", "город на Иртыше в Сибири")], tmp_path / "more.jsonl")
    added = run("add", tmp_path / "more.jsonl", "--index", tmp_path / "index", "--encoder", tmp_path / "encoder")
    assert "1 passages cut (100.00% of those encoded)" in added.stderr
    assert "searched as exact: the kind of the index that rows were added to" in added.stderr
