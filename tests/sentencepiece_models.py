"""SentencePiece models trained on our own sentences, in the layouts of mDeBERTa-v3 and XLM-R."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from tests.checkpoints import SENTENCES
from tests.corpus import ENTITIES, RELATIONS, documents
from tests.probes import PROBES

IDS = {
    "spm.model": {
        "pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3,
        "pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]",
    },
    "sentencepiece.bpe.model": {},
}  # fmt: skip
"""By file, what its architecture's model was trained with besides the defaults."""
SIMPLE = [
    *range(0xA0, 0x250),
    *range(0x2000, 0x2190),
    *range(0x2460, 0x2480),
    *range(0xFB00, 0xFB07),
    9,
    10,
    13,
    0xFEFF,
]
"""Characters for whose sake a normaliser of a few rules has some."""
COMPOSED = [*range(0x400, 0x460), 0x4E2, 0x4E3]


def train(file: str, pieces: int = 420, **settings: Any) -> bytes:
    """The content of a model over nmt_nfkc, as the published are."""
    import sentencepiece

    texts = [*SENTENCES, *(document.text for document in documents())]
    texts += [f"{entry.name}: {entry.text}" for entry in (*ENTITIES, *RELATIONS)]
    content = io.BytesIO()
    given = {"normalization_rule_name": "nmt_nfkc", **IDS[file], **settings}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=content, vocab_size=pieces, hard_vocab_limit=False,
        character_coverage=1.0, num_threads=1, minloglevel=2, **given,
    )  # fmt: skip
    return content.getvalue()


def write_golden(folder: Path) -> None:
    """``tests/models/golden``, by hand: a model whose normaliser has few rules, since all weigh 240 kB, and its ids."""
    import sentencepiece

    full = sentencepiece.SentencePieceProcessor(model_proto=train("spm.model"))
    sources = [*map(chr, SIMPLE), *(decomposed(chr(code)) for code in COMPOSED)]
    rules = [(source, full.normalize(f"а{source}а")[2:-1].replace("▁", " ")) for source in dict.fromkeys(sources)]
    lines = [f"{codes(source)}\t{codes(target)}\n" for source, target in rules if source != target]
    (folder / "rules.tsv").write_text("".join(lines), "utf-8")
    content = train("spm.model", normalization_rule_name="user", normalization_rule_tsv=str(folder / "rules.tsv"))
    (folder / "rules.tsv").unlink()
    (folder / "spm.model").write_bytes(content)
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}\n', "utf-8")
    ids = sentencepiece.SentencePieceProcessor(model_proto=content).encode(list(PROBES))
    (folder / "ids.json").write_text("[\n" + ",\n".join(map(json.dumps, ids)) + "\n]\n", "utf-8")


def decomposed(char: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFD", char)


def codes(text: str) -> str:
    return " ".join(f"{ord(char):X}" for char in text)
