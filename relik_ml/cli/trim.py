"""``relik-ml trim``: remove subwords that given texts do not use from a multilingual encoder."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click


@click.command(short_help="Reduce an encoder's vocabulary to the subwords in use.")
@click.argument("encoder")
@click.argument("texts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(min=1), help="Maximum number of subwords; the most frequent ones are kept.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write, new or empty.")
def command(encoder: str, texts: tuple[Path, ...], keep: int | None, out: Path) -> None:
    """Write ENCODER, a folder or a name on the Hugging Face Hub, with only the subwords that the TEXTS use.

    TEXTS are text files or JSON Lines, of which every string is read (documents, entity tables), also compressed (.gz,
    .bz2, .xz, .zst). Special tokens and single characters are always kept. Text whose subwords are kept is encoded
    exactly as before; other words are split into smaller subwords.

    \b
    Examples:
      relik-ml trim intfloat/multilingual-e5-base corpus.txt.xz entities.jsonl.gz --out e5-ru
      relik-ml trim multilingual-e5-small corpus.txt.xz --keep 60000 --out e5-small-ru
      relik-ml trim microsoft/mdeberta-v3-base data/nerel/train.jsonl entities.jsonl.gz --out mdeberta-ru
    """
    from relik_ml.encoders import trim

    click.echo(f"kept {trim(encoder, _lines(texts), out, keep)}", err=True)
    click.echo(out)


def _lines(paths: Sequence[Path]) -> Iterator[str]:
    """The lines of text files and the strings of JSON Lines."""
    from relik_ml.data import open_lines
    from relik_ml.errors import DataError

    for path in paths:
        for number, line in open_lines(path):
            try:
                yield from _strings(json.loads(line) if ".jsonl" in path.suffixes else line.decode())
            except ValueError as error:
                fix = "give UTF-8 text, or JSON Lines as .jsonl"
                raise DataError("cannot read the line", where=f"{path}:{number}", got=str(error), fix=fix) from None


def _strings(value: Any) -> Iterator[str]:
    """All strings of a JSON value, without keys.

    >>> [*_strings({"id": "Q649", "names": ["Москва", "Moscow"], "size": 3})]
    ['Q649', 'Москва', 'Moscow']
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)
