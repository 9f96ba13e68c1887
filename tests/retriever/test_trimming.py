"""A trimmed encoder: the same states for text of kept pieces, no unknown character, a folder like any other."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from relik_ml.cli import main
from relik_ml.encoders import TextEncoder, load_tokenizer, trim
from relik_ml.errors import ModelError
from relik_ml.models import BiEncoder, JointEncoder
from relik_ml.reader import JointInputs
from relik_ml.text import tokens, windows
from relik_ml.types import Document, Retrieved
from tests.checkpoints import BERT, ROBERTA, save_mdeberta, save_xlmr
from tests.corpus import documents
from tests.probes import PROBES

pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")

BOTH = pytest.mark.parametrize("name", ["mdeberta", "xlmr"])
USED = [document.text for document in documents()[:8]]
OTHERS = [document.text for document in documents()[8:]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``mdeberta`` and ``xlmr`` whose tokenizers know all our documents."""
    folder = tmp_path_factory.mktemp("whole")
    texts = [*USED, *OTHERS, *PROBES]
    torch.manual_seed(0)
    save_mdeberta(folder / "mdeberta", texts, 700)
    save_xlmr(folder / "xlmr", texts, 700)
    return folder


@pytest.fixture(scope="module")
def trimmed(whole: Path) -> Path:
    for name in ("mdeberta", "xlmr"):
        trim(whole / name, USED, whole / f"{name}-trimmed")
    return whole


def pair(folder: Path, name: str) -> tuple[Any, Any]:
    return load_tokenizer(folder / name), load_tokenizer(folder / f"{name}-trimmed")


def pieces(tokenizer: Any, text: str) -> list[str]:
    found: list[str] = tokenizer(text, split_special_tokens=True).encodings[0].tokens
    return found


def states(encoder: Any, tokenizer: Any, text: str) -> torch.Tensor:
    batch = tokenizer(text, return_tensors="pt", split_special_tokens=True)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.inference_mode():
        found: torch.Tensor = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    return found


@BOTH
def test_text_of_kept_pieces_has_the_same_pieces_and_states(trimmed: Path, name: str) -> None:
    before, after = pair(trimmed, name)
    kept = {*after.get_vocab()}
    texts = [text for text in (*USED, *OTHERS, *PROBES) if kept.issuperset(pieces(before, text))]
    assert {*USED} < {*texts} < {*USED, *OTHERS, *PROBES}
    one, other = (BiEncoder.from_pretrained(trimmed / each).encoder for each in (name, f"{name}-trimmed"))
    for text in texts:
        assert pieces(after, text) == pieces(before, text)
        assert torch.equal(states(other, after, text), states(one, before, text))


@BOTH
def test_other_words_are_cut_smaller_and_stay_known(trimmed: Path, name: str) -> None:
    before, after = pair(trimmed, name)
    others = [text for text in OTHERS if pieces(before, text) != pieces(after, text)]
    assert others
    for text in others:
        assert "".join(pieces(after, text)) == "".join(pieces(before, text))
        assert len(pieces(after, text)) > len(pieces(before, text))
    assert sum(after.unk_token_id in after(text)["input_ids"] for text in PROBES) == sum(
        before.unk_token_id in before(text)["input_ids"] for text in PROBES
    )


@BOTH
def test_special_tokens_and_padding_stay(trimmed: Path, name: str) -> None:
    before, after = pair(trimmed, name)
    for each in (BERT if name == "mdeberta" else ROBERTA).values():
        assert after.convert_tokens_to_ids(each) == before.convert_tokens_to_ids(each)
    assert after.model_max_length == before.model_max_length
    folders = [trimmed / name, trimmed / f"{name}-trimmed"]
    vectors = [TextEncoder.from_pretrained(folder).queries([USED[0], USED[1] * 3]) for folder in folders]
    assert (vectors[0] == vectors[1]).all()


@BOTH
def test_a_reader_of_words_sees_the_same(trimmed: Path, name: str) -> None:
    """Words are read one by one there, which makes other pieces than the text as a whole."""
    seen = []
    for folder in (trimmed / name, trimmed / f"{name}-trimmed"):
        tokenizer = load_tokenizer(folder)
        config = JointEncoder.from_pretrained(folder, types=1, entities=1, relations=1).config
        items = [Retrieved(windows(Document("d", text), 100, 100)[0], (), ()) for text in USED]
        rows = JointInputs(tokenizer, config)(items)["input_ids"]
        seen.append(
            [[tokenizer.convert_ids_to_tokens(id) for id in row if id < len(tokenizer)] for row in rows.tolist()]
        )
    assert seen[0] == seen[1]


# The most frequent alone


def kept_pieces(folder: Path) -> list[str]:
    record = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    return [piece for piece, _ in record["model"]["vocab"]]


def occurrences(tokenizer: Any, texts: Sequence[str]) -> Counter[str]:
    """In texts, and in their words by themselves, each as often as it stands there."""
    words = [token.text for text in texts for token in tokens(text)]
    return Counter(piece for text in (*texts, *words) for piece in pieces(tokenizer, text)[1:-1])


@BOTH
@pytest.mark.parametrize("keep", [500, 120, 1])
def test_special_tokens_characters_and_the_most_frequent_stay(
    whole: Path, tmp_path: Path, name: str, keep: int
) -> None:
    found = trim(whole / name, USED, tmp_path / "out", keep)
    before, after = load_tokenizer(whole / name), kept_pieces(tmp_path / "out")
    special = {*(BERT if name == "mdeberta" else ROBERTA).values()}
    assert special < {*after}
    counts = occurrences(before, ["query: ", "passage: ", *USED])
    needed = {char for piece in counts for char in piece} & {*before.get_vocab()}
    assert needed <= {*after}
    single = {piece for piece in after if len(piece.removeprefix("▁")) <= 1}
    longer = {piece for piece in after if piece not in special | single}
    assert len(after) == found.subwords
    if keep == 1:
        assert len(longer) <= 1, "at most the least likely subword, by which unknown ones are weighed"
        return
    assert len(after) <= keep
    left = [count for piece, count in counts.items() if piece in before.get_vocab() and piece not in after]
    assert longer <= counts.keys() | {kept_pieces(whole / name)[-1], min_piece(whole / name)}
    assert not left or max(left) <= min(counts[piece] for piece in longer if piece in counts)


def min_piece(folder: Path) -> str:
    """The least likely subword."""
    record = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    piece: str = min(record["model"]["vocab"], key=lambda row: row[1])[0]
    return piece


def test_a_character_found_only_in_longer_subwords_is_kept(whole: Path, tmp_path: Path) -> None:
    """It is never a subword of its own before, and is one when the longer ones go."""
    before = load_tokenizer(whole / "xlmr")
    whole_words = [p for p in before.get_vocab() if p.startswith("▁") and len(p) > 3]
    text = next(p[1:] for p in whole_words if pieces(before, p[1:])[1:-1] == [p] and {*p[1:]} <= {*before.get_vocab()})
    trim(whole / "xlmr", [text], tmp_path / "out", keep=1)
    after = load_tokenizer(tmp_path / "out")
    assert "".join(pieces(after, text)[1:-1]) == f"▁{text}"
    assert after.unk_token_id not in after(text)["input_ids"]


def test_the_command(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(USED[:4]), "utf-8")
    rows = [json.dumps({"id": number, "text": [text]}) for number, text in enumerate(USED[4:])]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), "utf-8")
    files = [str(tmp_path / "texts.txt"), str(tmp_path / "rows.jsonl")]
    done = CliRunner().invoke(main, ["trim", str(whole / "xlmr"), *files, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "kept " in done.stderr
    assert done.stdout.strip() == str(tmp_path / "out")
    after = load_tokenizer(tmp_path / "out")
    assert all(pieces(after, text) == pieces(load_tokenizer(whole / "xlmr"), text) for text in USED)


@pytest.mark.parametrize("content", [b"\xff", b"{"])
def test_a_broken_line_is_named(whole: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("rows.jsonl" if content == b"{" else "text.txt")
    path.write_bytes(b'"a"\n' + content)
    done = CliRunner().invoke(main, ["trim", str(whole / "xlmr"), str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 3
    assert f"{path}:2" in done.stderr
    assert not (tmp_path / "out").exists()


def test_another_kind_of_tokenizer_is_refused(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((whole / "xlmr" / name).read_bytes())
    record = json.loads(path.read_text("utf-8"))
    words = {piece: id for id, (piece, _) in enumerate(record["model"]["vocab"])}
    record["model"] = {"type": "WordLevel", "vocab": words, "unk_token": "<unk>"}
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(ModelError, match="trimmed") as caught:
        trim(tmp_path, USED, tmp_path / "out")
    assert "WordLevel" in caught.value.got
