"""A published ``spm.model`` as the fast tokenizer that gives SentencePiece's own ids (Kudo 2018, unigram models).

mDeBERTa-v3 is published with such a file and no ``tokenizer.json``. AutoTokenizer of transformers 5 leaves the model's
normaliser out when it converts one: a no-break space and a circled digit become ``[UNK]``. Here the normaliser is the
model's own. The file is a protobuf message of which four fields matter, so it is read by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from relik_ml.errors import ModelError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
_UNIGRAM = 1


class Piece(NamedTuple):
    """A row of the vocabulary: its text, its log probability and its kind."""

    text: str
    score: float
    kind: int


@dataclass(frozen=True)
class Model:
    """What a ``spm.model`` says about tokenising."""

    pieces: tuple[Piece, ...]
    charsmap: bytes
    """The compiled rules of normalisation, such as nmt_nfkc; empty when there are none."""
    prefix: bool = True
    """Whether a text is read with a space before it."""
    collapse: bool = True
    """Whether spaces at the ends go, and of several in a row all but one."""


@dataclass(frozen=True)
class Layout:
    """How an architecture numbers the pieces: those before the model's own, and how many of the model's these replace.

    ``special`` names the special tokens as transformers does; one that is no piece stands behind all others.
    """

    special: Mapping[str, str]
    first: tuple[str, ...] = ()
    replaced: int = 0


DEBERTA = Layout(
    {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
)
XLM_ROBERTA = Layout(
    {
        "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>",
        "bos_token": "<s>", "eos_token": "</s>",
    },
    first=("<s>", "<pad>", "</s>", "<unk>"),
    replaced=3,
)  # fmt: skip
LAYOUTS = {"spm.model": DEBERTA, "sentencepiece.bpe.model": XLM_ROBERTA}
"""By the name under which the architecture's checkpoints are published."""


def read_model(content: bytes) -> Model:
    """The model in a file's content.

    Raises:
        ModelError: it is none, or of another algorithm than unigram.
    """
    try:
        message = dict(_fields(content))
        trainer, normaliser = (dict(_fields(message[number])) for number in (2, 3))
        pieces = tuple(_piece(dict(_fields(value))) for number, value in _fields(content) if number == 1)
    except (KeyError, IndexError, TypeError, ValueError, struct.error) as error:
        got, fix = f"{type(error).__name__}: {error}", "get the file again"
        raise ModelError("this is no SentencePiece model", got=got, fix=fix) from error
    if trainer.get(3, _UNIGRAM) != _UNIGRAM or not {piece.kind for piece in pieces} <= {1, 2, 3, 4}:
        fix = "give a folder with tokenizer.json instead"
        raise ModelError("only unigram models without bytes are read", got=f"type {trainer.get(3)}", fix=fix)
    return Model(pieces, normaliser.get(2, b""), bool(normaliser.get(3, 1)), bool(normaliser.get(4, 1)))


def fast_tokenizer(model: Model, layout: Layout) -> Any:
    """A ``tokenizers.Tokenizer`` that puts ``[CLS]`` and ``[SEP]``, by whatever name, around a text."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

    own = [(piece.text, piece.score) for piece in model.pieces[layout.replaced :]]
    vocabulary = [*((text, 0.0) for text in layout.first), *own]
    names = [text for text, _ in vocabulary]
    made = Tokenizer(models.Unigram(vocabulary, unk_id=names.index(layout.special["unk_token"]), byte_fallback=False))
    made.normalizer = _normalizer(model)
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always" if model.prefix else "never")
    made.add_tokens([AddedToken(p.text, normalized=False) for p in model.pieces if p.kind == USER_DEFINED])
    made.add_special_tokens([*dict.fromkeys(layout.special.values())])
    first, last = (layout.special[name] for name in ("cls_token", "sep_token"))
    ends = [(token, made.token_to_id(token)) for token in (first, last)]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} $B {last}", special_tokens=ends
    )
    return made


def _normalizer(model: Model) -> Any:
    """The model's rules, then its way with spaces."""
    from tokenizers import Regex, normalizers

    rules: list[Any] = [normalizers.Precompiled(model.charsmap)] if model.charsmap else []
    if model.collapse:
        rules += [normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    return normalizers.Sequence(rules)


def _piece(fields: Mapping[int, Any]) -> Piece:
    return Piece(fields[1].decode(), struct.unpack("<f", fields[2])[0] if 2 in fields else 0.0, fields.get(3, NORMAL))


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message by number: whole numbers as such, all else as bytes.

    >>> list(_fields(bytes([0x18, 0x96, 0x01, 0x0A, 0x02, 0x68, 0x69])))
    [(3, 150), (1, b'hi')]
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = _varint(message, place)
        else:
            size = {1: 8, 5: 4}[kind]
        if place + size > len(message):
            raise ValueError(f"{size} bytes announced, {len(message) - place} left")
        yield key >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
