"""Fixtures and settings for all tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from relik_ml import Relik

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every run and no deadline: a red test is a fault in the code, not a busy machine.
settings.register_profile("relik", deadline=None, derandomize=True)
settings.load_profile("relik")


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the repository (see docs/index.md); tests that need it skip without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real-data test: {folder} is not here")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Relik:
    """A compact model that knows the twenty documents of tests/corpus.py by heart; trained once, in seconds."""
    from tests.corpus import learnt_by_heart

    return learnt_by_heart(tmp_path_factory.mktemp("tiny") / "index")


@pytest.fixture(scope="session")
def tiny_folder(tiny: Relik, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model as a folder: not to be written to."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    tiny.save_pretrained(folder)
    return folder


SENTENCES = (
    "Анна Ахматова родилась в Одессе, а жила в Петербурге; её муж Николай Гумилёв — поэт.",
    "Москва — столица России, город на реке Москве; мэр города живёт в Москве.",
    "Компания «Яндекс» открыла офис в Минске, сообщил её директор Иван Петров.",
    "место рождения: где родился человек. место работы: где работает человек. столица: главный город страны.",
)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``mdeberta`` and ``xlmr``: the real architectures, tiny and random, each with its kind of tokenizer.

    They lie as transformers saves them, for AutoModel and ``load_tokenizer``; their limit is 512 places.
    """
    pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("checkpoints")
    size = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    relative = {
        "relative_attention": True, "position_buckets": 32, "norm_rel_ebd": "layer_norm", "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0, "layer_norm_eps": 1e-7,
    }  # fmt: skip
    torch.manual_seed(0)
    words = _save_tokenizer(
        folder / "mdeberta", {"pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "unk": "[UNK]", "mask": "[MASK]"}
    )
    # As in the published model the table is longer than the vocabulary.
    config = transformers.DebertaV2Config(vocab_size=words + 9, max_position_embeddings=512, **size, **relative)
    transformers.DebertaV2Model(config).save_pretrained(folder / "mdeberta")
    words = _save_tokenizer(
        folder / "xlmr", {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
    )
    config = transformers.XLMRobertaConfig(vocab_size=words, max_position_embeddings=514, type_vocab_size=1, **size)
    transformers.XLMRobertaModel(config).save_pretrained(folder / "xlmr")
    return folder


def _save_tokenizer(folder: Path, special: dict[str, str]) -> int:
    """A Unigram tokenizer like SentencePiece's: compatibility forms, no soft hyphens, ``▁`` before words."""
    import tokenizers
    import transformers
    from tokenizers import normalizers, pre_tokenizers, processors, trainers

    made = tokenizers.Tokenizer(tokenizers.models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\u00ad", "")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=230, special_tokens=list(special.values()), unk_token=special["unk"], show_progress=False
    )
    made.train_from_iterator(SENTENCES, trainer)
    ends = [(special[name], made.token_to_id(special[name])) for name in ("cls", "sep")]
    made.post_processor = processors.TemplateProcessing(single=f"{ends[0][0]} $A {ends[1][0]}", special_tokens=ends)
    names = {f"{name}_token": token for name, token in special.items()}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=512, **names)
    tokenizer.save_pretrained(str(folder))
    return len(tokenizer)
