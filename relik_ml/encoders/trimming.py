"""A multilingual encoder cut down to the subwords that given texts use, or use most often.

Most of such an encoder is its table of 250,000 subwords. What is left reads every text whose subwords were kept
exactly as before. A Unigram model takes the likeliest way to cut a word (Kudo 2018); without the subwords it did not
take, that way is the likeliest still. Every single character that a text uses is kept, so a word with a subword that
was not is cut smaller and stays known. So is the least likely subword, by which unknown characters are weighed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from relik_ml.data import atomic_folder, not_ours
from relik_ml.e5 import resolve
from relik_ml.encoders.text_encoder import PASSAGE, QUERY
from relik_ml.encoders.tokenizer import load_tokenizer, save_tokenizer
from relik_ml.errors import ModelError
from relik_ml.models import BiEncoder
from relik_ml.text import tokens

_TOGETHER = 1000  # texts that are tokenised at a time


@dataclass(frozen=True)
class Trimmed:
    """How much is left of an encoder, and of how much."""

    subwords: int
    all_subwords: int
    parameters: int
    all_parameters: int

    def __str__(self) -> str:
        subwords = f"{self.subwords:,} of {self.all_subwords:,} subwords ({self.subwords / self.all_subwords:.1%})"
        share = self.parameters / self.all_parameters
        return f"{subwords}, {self.parameters:,} of {self.all_parameters:,} parameters ({share:.1%})"


def trim(name_or_folder: str | Path, texts: Iterable[str], out: Path, keep: int | None = None) -> Trimmed:
    """Write the encoder, with those subwords only that ``texts`` use, to a folder that loads like any other.

    A text is read as a whole, as a retriever does, and word by word, as a reader does. With ``keep`` only that many
    subwords stay: special tokens, single characters of the texts, then the most frequent ones.

    Raises:
        ModelError: there is no such encoder, or its tokenizer is no unigram model.
        OutputError: the folder cannot be written, or holds something.
    """
    name_or_folder = resolve(name_or_folder)
    tokenizer = load_tokenizer(name_or_folder)
    record = json.loads(tokenizer.backend_tokenizer.to_str())
    _require_unigram(record, name_or_folder)
    encoder: Any = BiEncoder.from_pretrained(name_or_folder).encoder
    before = encoder.get_input_embeddings().num_embeddings, _parameters(encoder)
    counts = _counted(tokenizer, chain([QUERY, PASSAGE], texts))
    kept = sorted(_chosen(counts, record, keep))
    index = {old: new for new, old in enumerate(kept)}
    _require_padding(index, tokenizer.pad_token_id, name_or_folder)
    _trim_rows(encoder, index)
    with atomic_folder(out, not_ours) as partial:
        BiEncoder(encoder).save_pretrained(partial)
        save_tokenizer(_rebuilt(tokenizer, _renumbered(record, index)), partial)
    return Trimmed(len(kept), before[0], _parameters(encoder), before[1])


def _require_unigram(record: Mapping[str, Any], name: str | Path) -> None:
    found = record["model"]["type"], (record["post_processor"] or {}).get("type")
    if found != ("Unigram", "TemplateProcessing"):
        fix = "name an encoder with a SentencePiece vocabulary, such as multilingual-E5, XLM-R or mDeBERTa"
        got = " with ".join(map(str, found))
        raise ModelError("such a tokenizer cannot be trimmed", where=str(name), got=got, fix=fix)


def _require_padding(index: Mapping[int, int], padding: int, name: str | Path) -> None:
    """XLM-R counts positions from the id of its padding, so that must not move."""
    if index[padding] != padding:
        fix = "name an encoder whose special tokens come first"
        raise ModelError("the padding would get another id", where=str(name), got=f"{padding} of {len(index)}", fix=fix)


def _counted(tokenizer: Any, texts: Iterable[str]) -> Counter[int]:
    """How often the subwords occur in the texts, and in every word of theirs by itself."""
    counts, words = Counter[int](), Counter[str]()
    for text, ids in _tokenised(tokenizer, texts):
        words.update(token.text for token in tokens(text))
        counts.update(ids)
    for word, ids in _tokenised(tokenizer, words):
        counts.update({id: words[word] * times for id, times in Counter(ids).items()})
    return counts


def _chosen(counts: Counter[int], record: Mapping[str, Any], keep: int | None) -> Set[int]:
    """The ids that stay."""
    if keep is None:
        return counts.keys() | _special(record) | _single(record)
    vocabulary = record["model"]["vocab"]
    # A character of a longer subword that does not stay may never have been a subword of its own in the texts.
    used = {char for id in counts for char in vocabulary[id][0]}
    always = _special(record) | {id for id in _single(record) if vocabulary[id][0] in used or id in counts}
    frequent = [id for id, _ in counts.most_common() if id not in always]
    return always.union(frequent[: max(0, keep - len(always))])


def _tokenised(tokenizer: Any, texts: Iterable[str]) -> Iterator[tuple[str, list[int]]]:
    """Each text with its ids; the tokenizer works on ``_TOGETHER`` of them at a time."""
    settings, left = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}, iter(texts)
    while some := list(islice(left, _TOGETHER)):
        encodable = [text.encode("utf-8", "replace").decode("utf-8") for text in some]
        yield from zip(some, tokenizer(encodable, **settings)["input_ids"], strict=True)


def _special(record: Mapping[str, Any]) -> set[int]:
    """Special tokens, and the least likely subword."""
    vocabulary = record["model"]["vocab"]
    least = min(range(len(vocabulary)), key=lambda id: vocabulary[id][1])
    return {token["id"] for token in record["added_tokens"]} | {record["model"]["unk_id"], least}


def _single(record: Mapping[str, Any]) -> set[int]:
    """Single characters with and without a space before them."""
    return {id for id, (text, _) in enumerate(record["model"]["vocab"]) if len(text.removeprefix("▁")) <= 1}


@torch.no_grad()
def _trim_rows(encoder: Any, index: Mapping[int, int]) -> None:
    """Keep only the rows of the subwords that stay, and renumber the ids in the configuration."""
    table: nn.Embedding = encoder.get_input_embeddings()
    rows = table.weight[torch.tensor([*index])].clone()
    made: Any = nn.Embedding  # its from_pretrained has no annotations
    encoder.set_input_embeddings(made.from_pretrained(rows, freeze=False, padding_idx=table.padding_idx))
    encoder.config.vocab_size = len(rows)
    for name in ("bos_token_id", "cls_token_id", "eos_token_id", "pad_token_id", "sep_token_id"):
        old = getattr(encoder.config, name, None)
        if old is not None:
            setattr(encoder.config, name, index.get(old, old))


def _renumbered(record: dict[str, Any], index: Mapping[int, int]) -> dict[str, Any]:
    """A ``tokenizer.json`` with the indexed subwords only."""
    model, processor = record["model"], record["post_processor"]
    vocabulary = [row for id, row in enumerate(model["vocab"]) if id in index]
    special = {
        name: {**token, "ids": [index[id] for id in token["ids"]]}
        for name, token in processor["special_tokens"].items()
    }
    return {
        **record,
        "model": {**model, "vocab": vocabulary, "unk_id": index[model["unk_id"]]},
        "added_tokens": [{**token, "id": index[token["id"]]} for token in record["added_tokens"]],
        "post_processor": {**processor, "special_tokens": special},
    }


def _rebuilt(tokenizer: Any, record: Mapping[str, Any]) -> Any:
    import tokenizers

    made = tokenizers.Tokenizer.from_str(json.dumps(record))
    names = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    return type(tokenizer)(tokenizer_object=made, model_max_length=tokenizer.model_max_length, **names)


def _parameters(encoder: nn.Module) -> int:
    return sum(parameter.numel() for parameter in encoder.parameters())
