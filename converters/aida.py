"""AIDA-CoNLL (Hoffart et al. 2011): news of Reuters with links to Wikipedia.

Two layouts are read: the original table, a token a row, or the records of KILT, a mention a line. Links are titles of
pages; a table of titles turns them into items. docs/converters/aida.md lists what is repaired and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated as Typed

import msgspec
from msgspec import Meta

from relik_ml.data import COMPRESSED, Report, distinct
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import Converter, option
from relik_ml.types import Annotated, Document, Link, Mention

from ._aida_table import TYPE, Article, articles, read_article
from ._json_files import SPLITS, path_of, records, split_files
from ._titles import HELP, read_titles, title_link
from ._tokens import Tokenized, tagged, tokenized

TABLE = Annotated("complete", "none", "complete", "none", "none")
KILT = Annotated("partial", "none", "complete", "none", "none")
UNANSWERED = Annotated("partial", "none", "none", "none", "none")
NIL = "--NME--"


class Context(msgspec.Struct, frozen=True):
    """A mention between the texts before and after it."""

    left_context: str
    mention: Typed[str, Meta(min_length=1)]
    right_context: str


class Answer(msgspec.Struct, frozen=True):
    """The title of a page."""

    answer: Typed[str, Meta(min_length=1)]


class Question(msgspec.Struct, frozen=True):
    """A mention in the layout of KILT; ``output`` is empty where links are held back."""

    id: Typed[str, Meta(pattern=r"^[^_]+_.+:[0-9]+\Z")]
    meta: Context
    output: list[Answer] = []

    def __post_init__(self) -> None:
        if not self.id.isprintable():
            raise ValueError("id holds control characters")

    @property
    def document(self) -> str:
        """The name of the document."""
        return self.id.partition("_")[2].rpartition(":")[0]

    @property
    def placed(self) -> tuple[list[str], int, int]:
        """The tokens of the document, and the first and last of the mention, end exclusive."""
        left, inside, right = (part.split() for part in msgspec.structs.astuple(self.meta))
        return [*left, *inside, *right], len(left), len(left) + len(inside)


@dataclass(frozen=True)
class Aida(Converter):
    """The converter."""

    name: str = "aida"
    languages: tuple[str, ...] = ("en",)
    tasks: tuple[str, ...] = ("el",)
    licence: str = "annotation as its authors state; the text is Reuters', by way of CoNLL-2003"
    citation: str = "Hoffart et al., Robust Disambiguation of Named Entities in Text, EMNLP 2011"
    splits: tuple[str, ...] = ("train", "dev", "test", "all")
    natural: bool = option(False, "Put blanks as in ordinary text, instead of one between all tokens.")
    titles: str = option("", HELP)

    def locate(self, source: Path) -> dict[str, Path]:
        """The original table, which has all splits, or the files of KILT by the split in their names.

        In a folder the name of the table holds ``aida``.
        """
        ends = tuple(f".tsv{packed}" for packed in ("", *COMPRESSED))
        paths = [source] if source.is_file() else [path for path in source.glob("*") if "aida" in path.name.lower()]
        tables = [path for path in paths if path.name.endswith(ends)]
        if len(tables) > 1:
            got = " and ".join(sorted(path.name for path in tables))
            raise CorpusNotFound("several tables", where=str(source), got=got, fix="give one as --source")
        if tables:
            return dict.fromkeys(("train", "dev", "test"), tables[0])
        return split_files(source, self.name, (".jsonl",), SPLITS, ", or AIDA-YAGO2-dataset.tsv")

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The documents of a split, in the order of its file."""
        path, items = path_of(self, source, split), read_titles(self.titles)
        kind = self._table if ".tsv" in path.name else self._kilt
        return distinct(kind(path, split, items, report), report)

    def _table(self, path: Path, split: str, items: Mapping[str, str], report: Report) -> Iterator[Document]:
        for lines in articles(path):
            try:
                article = read_article(lines, path.name)
            except DataError as error:
                report.bad(error)
                continue
            if article.split == split:
                text = tokenized([[row.token for row in rows] for rows in article.sentences], self.natural)
                mentions = _mentions(article, text, items, report)
                yield self._document(article.name, text.text, mentions, TABLE, split, article.where)

    def _kilt(self, path: Path, split: str, items: Mapping[str, str], report: Report) -> Iterator[Document]:
        grouped: dict[str, list[tuple[str, Question]]] = {}
        for place, question in records(path, Question, self.name, split, report):
            grouped.setdefault(question.document, []).append((place.where, question))
        for name, questions in grouped.items():
            where, first = questions[0]
            tokens, *_ = first.placed
            if other := next((place for place, question in questions if question.placed[0] != tokens), ""):
                got, fix = f"another text at {other}", "fetch the file again"
                report.bad(DataError("the records of a document have several texts", where=where, got=got, fix=fix))
                continue
            text = tokenized([tokens], self.natural)
            marks = {text.span(*q.placed[1:]): [answer.answer for answer in q.output] for _, q in questions}
            report.count("mentions listed", len(questions))
            for _ in range(len(questions) - len(marks)):
                report.defect("mention listed twice: one kept", "mentions listed", where, name)
            mentions = []
            for number, (span, titles) in enumerate(sorted((s, t) for s, t in marks.items() if s), 1):
                found = title_link(titles, items, where, report) if titles else Link()
                mentions.append(Mention(f"T{number}", *span, TYPE, link=found))
            annotated = KILT if any(marks.values()) else UNANSWERED
            yield self._document(name, text.text, mentions, annotated, split, where)

    def _document(
        self, name: str, text: str, mentions: list[Mention], annotated: Annotated, split: str, where: str
    ) -> Document:
        meta = {"dataset": self.name, "split": split, "source": where, "licence": self.licence}
        return Document(f"{self.name}/{split}/{name}", text, "en", tuple(mentions), (), (), annotated, meta)


def _mentions(article: Article, text: Tokenized, items: Mapping[str, str], report: Report) -> list[Mention]:
    """The mentions of an article of the table."""
    found: list[Mention] = []
    for number, rows in enumerate(article.sentences):
        for _, start, stop in tagged([row.tag for row in rows]):
            report.count("mentions listed")
            first, words = rows[start], " ".join(row.token for row in rows[start:stop])
            if (span := text.span(start, stop, number)) is None:
                report.defect("mention without text: dropped", "mentions listed", article.where, repr(words))
                continue
            if words != first.mention:
                what = "mention unlike its tokens: theirs taken"
                report.defect(what, "mentions listed", article.where, f"{first.mention!r} for {words!r}")
            link = Link("nil") if first.title == NIL else title_link([first.title], items, article.where, report)
            found.append(Mention(f"T{len(found) + 1}", *span, TYPE, link=link))
    return found


converter = Aida()
