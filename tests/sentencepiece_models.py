"""SentencePiece models trained on our own sentences, in the layouts of mDeBERTa-v3 and XLM-R."""

import io
from typing import Any

from tests.checkpoints import SENTENCES
from tests.corpus import ENTITIES, RELATIONS, documents

IDS = {
    "spm.model": {
        "pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3,
        "pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]",
    },
    "sentencepiece.bpe.model": {},
}  # fmt: skip
"""By file, what its architecture's model was trained with besides the defaults."""


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
