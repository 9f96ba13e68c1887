"""Tiny checkpoints of the real architectures, each with its kind of tokenizer, as transformers saves them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

SENTENCES = (
    "Анна Ахматова родилась в Одессе, а жила в Петербурге; её муж Николай Гумилёв — поэт.",
    "Москва — столица России, город на реке Москве; мэр города живёт в Москве.",
    "Компания «Яндекс» открыла офис в Минске, сообщил её директор Иван Петров.",
    "место рождения: где родился человек. место работы: где работает человек. столица: главный город страны.",
)
SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
BERT = {"pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "unk": "[UNK]", "mask": "[MASK]"}
ROBERTA = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
GEMMA = {"pad": "<pad>", "cls": "<bos>", "sep": "<eos>", "unk": "<unk>", "mask": "<mask>"}
RELATIVE = {
    "relative_attention": True, "position_buckets": 32, "norm_rel_ebd": "layer_norm", "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0, "layer_norm_eps": 1e-7,
}  # fmt: skip


def save_mdeberta(folder: Path, texts: Iterable[str] = SENTENCES, pieces: int = 230, **settings: Any) -> None:
    """mDeBERTa-v3's architecture with random weights; its table is longer than the vocabulary, as in the published."""
    import transformers

    words = save_tokenizer(folder, BERT, texts, pieces)
    sizes = {**SIZES, **RELATIVE, "max_position_embeddings": 512, **settings}
    transformers.DebertaV2Model(transformers.DebertaV2Config(vocab_size=words + 9, **sizes)).save_pretrained(folder)


def save_xlmr(folder: Path, texts: Iterable[str] = SENTENCES, pieces: int = 230) -> None:
    """XLM-R's, as in multilingual-E5: positions count from 2, so 514 rows are 512 positions."""
    import transformers

    words = save_tokenizer(folder, ROBERTA, texts, pieces)
    sizes: dict[str, Any] = {**SIZES, "max_position_embeddings": 514, "type_vocab_size": 1}
    transformers.XLMRobertaModel(transformers.XLMRobertaConfig(vocab_size=words, **sizes)).save_pretrained(folder)


def save_bert(folder: Path, texts: Iterable[str] = SENTENCES, pieces: int = 230, **settings: Any) -> None:
    """BERT's architecture, whose positions count from 0, with XLM-R's tokenizer, as multilingual-E5-small has them."""
    import transformers

    words = save_tokenizer(folder, ROBERTA, texts, pieces)
    sizes = {**SIZES, "max_position_embeddings": 512, "pad_token_id": 1, **settings}
    transformers.BertModel(transformers.BertConfig(vocab_size=words, **sizes)).save_pretrained(folder)


def save_modernbert(folder: Path, mark: str = "Ġ") -> None:
    """ModernBERT's: rotary positions, local attention, a BPE over bytes (``Ġ``), or mmBERT's over text (``▁``)."""
    import transformers

    words = save_bpe(folder, BERT if mark == "Ġ" else GEMMA, mark)
    settings: dict[str, Any] = {f"{name}_token_id": number for number, name in enumerate(("pad", "cls", "sep"))}
    settings |= {**SIZES, "global_attn_every_n_layers": 2}
    config = transformers.ModernBertConfig(
        vocab_size=words, max_position_embeddings=512, local_attention=16, bos_token_id=1, eos_token_id=2, **settings,
    )  # fmt: skip
    transformers.ModernBertModel(config).save_pretrained(folder)


def save_tokenizer(folder: Path, special: dict[str, str], texts: Iterable[str] = SENTENCES, pieces: int = 230) -> int:
    """Write ``unigram``'s tokenizer. Gives its number of pieces."""
    return _save(folder, unigram(special, texts, pieces), special)


def unigram(special: dict[str, str], texts: Iterable[str], pieces: int) -> Any:
    """A Unigram tokenizer like SentencePiece's: compatibility forms, no soft hyphens, ``▁`` before words."""
    import tokenizers
    from tokenizers import normalizers, pre_tokenizers, trainers

    made = tokenizers.Tokenizer(tokenizers.models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\u00ad", "")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=pieces, special_tokens=list(special.values()), unk_token=special["unk"], show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return made


def save_bpe(folder: Path, special: dict[str, str], mark: str) -> int:
    """A byte-pair tokenizer, over bytes or, where the mark of a space is ``▁``, over text. Gives its size."""
    import tokenizers
    from tokenizers import normalizers, pre_tokenizers, trainers

    alphabet: list[str] = []
    if mark == "Ġ":
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        made.normalizer, alphabet = normalizers.NFC(), pre_tokenizers.ByteLevel.alphabet()
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=special["unk"], fuse_unk=True, byte_fallback=True))
        made.normalizer = normalizers.Replace(" ", "▁")
        made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
        alphabet = ["▁"]
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=list(special.values()), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(SENTENCES, trainer)
    return _save(folder, made, special)


def _save(folder: Path, made: Any, special: dict[str, str]) -> int:
    """Write a tokenizer that puts its ``cls`` and ``sep`` around a text."""
    import transformers
    from tokenizers import processors

    ends = [(special[name], made.token_to_id(special[name])) for name in ("cls", "sep")]
    made.post_processor = processors.TemplateProcessing(single=f"{ends[0][0]} $A {ends[1][0]}", special_tokens=ends)
    names = {f"{name}_token": token for name, token in special.items()}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=512, **names)
    tokenizer.save_pretrained(str(folder))
    return len(tokenizer)
