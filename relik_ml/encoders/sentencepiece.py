"""A published ``spm.model`` as a fast tokenizer that gives SentencePiece's own ids (Kudo 2018, unigram models).

mDeBERTa-v3 is published with such a file and no ``tokenizer.json``. AutoTokenizer of transformers 5 leaves the model's
normaliser out when it converts one: a no-break space and a circled digit become ``[UNK]``. Here the normaliser is the
model's own. The file is a protobuf message of which four fields matter, so it is read by hand.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from relik_ml.errors import ModelError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
_UNIGRAM = 1


class Subword(NamedTuple):
    """A row of the vocabulary: its text, its log probability and its kind."""

    text: str
    score: float
    kind: int


@dataclass(frozen=True)
class Model:
    """What a ``spm.model`` says about tokenising."""

    subwords: tuple[Subword, ...]
    charsmap: bytes
    """The compiled rules of normalisation, such as nmt_nfkc; empty when there are none."""
    prefix: bool = True
    """Whether a text is read with a space before it."""
    collapse: bool = True
    """Whether spaces at the ends go, and of several in a row all but one."""


@dataclass(frozen=True)
class Layout:
    """How an architecture numbers subwords: those before the model's own, and how many of the model's these replace.

    ``special`` names the special tokens as transformers does; one that is no subword comes after all others.
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
        ModelError: it is not a SentencePiece model, or not a unigram one.
    """
    try:
        message = dict(_fields(content))
        trainer, normaliser = (dict(_fields(message[number])) for number in (2, 3))
        subwords = tuple(_subword(dict(_fields(value))) for number, value in _fields(content) if number == 1)
    except (KeyError, IndexError, TypeError, ValueError, struct.error) as error:
        got, fix = f"{type(error).__name__}: {error}", "get the file again"
        raise ModelError("not a SentencePiece model", got=got, fix=fix) from error
    if trainer.get(3, _UNIGRAM) != _UNIGRAM or not {subword.kind for subword in subwords} <= {1, 2, 3, 4}:
        fix = "give a folder with tokenizer.json instead"
        raise ModelError("only unigram models without bytes are read", got=f"type {trainer.get(3)}", fix=fix)
    return Model(subwords, normaliser.get(2, b""), bool(normaliser.get(3, 1)), bool(normaliser.get(4, 1)))


def fast_tokenizer(model: Model, layout: Layout) -> Any:
    """A ``tokenizers.Tokenizer`` that puts ``[CLS]`` and ``[SEP]``, by whatever name, around a text."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    own = [(subword.text, subword.score) for subword in model.subwords[layout.replaced :]]
    vocabulary = [*((text, 0.0) for text in layout.first), *own]
    unknown = [text for text, _ in vocabulary].index(layout.special["unk_token"])
    made = Tokenizer(models.Unigram(vocabulary, unk_id=unknown, byte_fallback=False))
    rules: list[Any] = [normalizers.Precompiled(model.charsmap)] if model.charsmap else []
    if model.collapse:
        rules += [normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    made.normalizer = normalizers.Sequence(rules)
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always" if model.prefix else "never")
    made.add_tokens([AddedToken(p.text, normalized=False) for p in model.subwords if p.kind == USER_DEFINED])
    made.add_special_tokens([*dict.fromkeys(layout.special.values())])
    first, last = (layout.special[name] for name in ("cls_token", "sep_token"))
    ends = [(token, made.token_to_id(token)) for token in (first, last)]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} $B {last}", special_tokens=ends
    )
    return made


def _subword(fields: Mapping[int, Any]) -> Subword:
    return Subword(fields[1].decode(), struct.unpack("<f", fields[2])[0] if 2 in fields else 0.0, fields.get(3, NORMAL))


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message by number: whole numbers as such, all else as bytes.

    >>> list(_fields(bytes([0x18, 0x96, 0x01, 0x0A, 0x02, 0x68, 0x69])))
    [(3, 150), (1, b'hi')]
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        value, size = 0, {1: 8, 5: 4}.get(kind, 0)
        if kind in (0, 2):
            value, position = _varint(message, position)
            size = value if kind == 2 else 0
        elif not size:
            raise ValueError(f"no field of wire type {kind} is known")
        if position + size > len(message):
            raise ValueError(f"{size} bytes announced, {len(message) - position} left")
        yield key >> 3, message[position : position + size] if kind else value
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the position after it."""
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
