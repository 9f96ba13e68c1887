"""The documents that ``annotate`` reads when it writes one stream: in order, with warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from relik_ml.data import Fields, Input, find_inputs, no_mentions
from relik_ml.errors import DataError
from relik_ml.text import with_language
from relik_ml.types import Document

WARNINGS = 5
"""The most warnings about blank documents; all of them are counted."""


@dataclass(slots=True)
class InputSet:
    """All inputs. ``blank`` and ``skipped`` count documents without text, and bad files and documents."""

    found: list[Input]
    lang: str
    fields: Fields
    skip_bad: bool = False
    blank: int = 0
    skipped: int = 0

    @classmethod
    def find(cls, names: Iterable[str], lang: str, fields: Fields, skip_bad: bool) -> InputSet:
        """The inputs of the given names, as `find_inputs` finds them.

        Raises:
            DataError: a path does not exist.
            ConfigError: mentions are to be kept, and an input has none.
        """
        found = [found for name in names for found in find_inputs(name)]
        if fields.keep_mentions and (plain := next((source for source in found if not source.has_mentions), None)):
            raise no_mentions(plain.name)
        return cls(found, lang, fields, skip_bad)

    @property
    def total(self) -> int | None:
        """The number of documents if each input is one document, otherwise None."""
        return len(self.found) if all(source.is_text for source in self.found) else None

    def documents(self) -> Iterator[Document]:
        """A stream of documents. DataError for a bad file, unless it is skipped, and when there are no documents."""
        homes: dict[str, str] = {}
        for source in self.found:
            own: dict[str, str] = {}
            read = self._read(source, homes, own)
            try:
                for document in list(read) if self.skip_bad else read:  # a file is skipped as a whole
                    self._warn_if_blank(document)
                    yield document
                homes |= own
            except DataError as error:
                if not self.skip_bad:
                    raise
                self._skip(error)
        self._require(len(homes))

    def in_languages(self, documents: Iterable[Document], known: Sequence[str]) -> Iterator[Document]:
        """The documents with their languages. DataError for one in none of the known, unless it is skipped."""
        kept = 0
        for document in documents:
            try:
                found = with_language(document, known)
            except DataError as error:
                if not self.skip_bad:
                    raise
                self._skip(error)
            else:
                kept += 1
                yield found
        self._require(kept)

    def _skip(self, error: DataError) -> None:
        click.echo(f"skipped: {error}", err=True)
        self.skipped += 1

    def _require(self, count: int) -> None:
        if not count:
            raise DataError("nothing to annotate", got=f"0 documents, {self.skipped} bad", fix="give a file with text")

    def _read(self, source: Input, homes: Mapping[str, str], own: dict[str, str]) -> Iterator[Document]:
        for record in source.records(self.fields):
            document = record.document(self.lang)
            if home := homes.get(document.id) or own.get(document.id):
                where, fix = f"{home} and {record.where}", "give the folder that holds both, or change the ids"
                raise DataError("two documents have one id", where=where, got=repr(document.id), fix=fix)
            own[document.id] = record.where
            yield document

    def _warn_if_blank(self, document: Document) -> None:
        if not document.text.lstrip("\ufeff").strip():
            self.blank += 1
            if self.blank <= WARNINGS:
                click.echo(f"warning: no text in document {document.id!r}", err=True)
