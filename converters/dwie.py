"""DWIE (Zaporojets et al. 2021): articles of Deutsche Welle with entities, relations of the document and links.

The annotation is published, an article a file; the text is fetched from Deutsche Welle by the program of the corpus.
docs/converters/dwie.md lists what is repaired and left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from msgspec import UNSET

from relik_ml.data import Report, distinct
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import Converter, option
from relik_ml.text import sentences
from relik_ml.types import Annotated, Document, Link, Mention, Property, Span

from ._clusters import Relations, clusters, distinct_mentions
from ._dwie_articles import BROAD, FILES, Article, Concept, read_article, read_checksums
from ._json_files import path_of
from ._titles import HELP, read_titles, title_link

ANNOTATED = Annotated("complete", "complete", "complete", "complete", "complete", entity_triples=True)
INVALID = "meta::invalid"
PROPERTIES = {"citizen_of": Property("P27"), "in0": Property("P17")}


@dataclass(frozen=True)
class Dwie(Converter):
    """The converter."""

    name: str = "dwie"
    languages: tuple[str, ...] = ("en",)
    tasks: tuple[str, ...] = ("ner", "el", "re")
    licence: str = "annotation GPL-3.0; the text is Deutsche Welle's"
    citation: str = "Zaporojets et al., DWIE: an entity-centric dataset for multi-task document-level …, IPM 2021"
    splits: tuple[str, ...] = ("train", "test")
    titles: str = option("", HELP)

    def locate(self, source: Path) -> dict[str, Path]:
        """The folder of articles at ``source``, a clone, its data or the folder itself; both splits lie in it."""
        for folder in (source / "data" / "annos_with_content", source / "annos_with_content", source):
            if any(folder.glob(FILES)):
                return dict.fromkeys(self.splits, folder)
        got = "no file of an article" if source.is_dir() else "no such folder"
        fix = "clone klimzaporojets/DWIE, run its src/dwie_download.py, and give data/annos_with_content"
        raise CorpusNotFound("no DWIE here", where=str(source), got=got, fix=fix)

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The articles of a split by file name."""
        folder, items = path_of(self, source, split), read_titles(self.titles)
        return distinct(self._documents(folder, split, items, report), report)

    def _documents(self, folder: Path, split: str, items: Mapping[str, str], report: Report) -> Iterator[Document]:
        checksums = read_checksums(folder)
        for path in sorted(folder.glob(FILES)):
            try:
                article = read_article(path, checksums, report)
            except DataError as error:
                report.bad(error)
                continue
            report.count("articles of neither split: left out", not {*self.splits} & {*article.tags})
            if split in article.tags:
                yield self._document(article, split, path.name, items, report)

    def _document(self, article: Article, split: str, where: str, items: Mapping[str, str], report: Report) -> Document:
        concepts = {concept.concept: concept for concept in article.concepts}
        entities = _entities(article, concepts, items, where, report)
        relations = Relations(entities, list(sentences(article.content)), where, report)
        for related in article.relations:
            relations.add(related.s, related.p, related.o, PROPERTIES.get(related.p))
        unreachable = [
            [related.s, related.p, related.o]
            for related in article.relations
            if not entities.get(related.s) or not entities.get(related.o)
        ]
        tags = [list(concepts[key].tags) for key, mentions in entities.items() if mentions]
        meta: dict[str, Any] = {"dataset": self.name, "split": split, "source": where, "licence": self.licence}
        meta |= {"tags": tags, "unreachable": unreachable}
        mentions, triples = distinct_mentions(entities), tuple(relations.found.values())
        id, text = f"{self.name}/{split}/{article.id}", article.content
        return Document(id, text, "en", mentions, clusters(entities), triples, ANNOTATED, meta)


def _entities(
    article: Article, concepts: Mapping[int, Concept], items: Mapping[str, str], where: str, report: Report
) -> dict[int, list[Mention]]:
    """The mentions of each concept that is kept."""
    entities: dict[int, list[Mention]] = {}
    links: dict[int, Link] = {}
    for key, concept in concepts.items():
        report.count("concepts")
        if INVALID in concept.tags:
            report.defect("concept that its annotators call invalid: dropped", "concepts", where, str(key))
            continue
        entities[key] = []
    seen: set[tuple[int, Span]] = set()
    for mark in article.mentions:
        report.count("mentions listed")
        span, got = Span(mark.begin, mark.end), f"{mark.text!r} [{mark.begin}, {mark.end})"
        if mark.concept not in entities:
            report.defect("mention of no concept that is kept: dropped", "mentions listed", where, got)
        elif not 0 <= mark.begin < mark.end or _plain(article.content[mark.begin : mark.end]) != _plain(mark.text):
            report.defect("mention that is not in the text: dropped", "mentions listed", where, got)
        elif (mark.concept, span) in seen:
            report.defect("mention twice in an entity: one kept", "mentions listed", where, got)
        else:
            seen.add((mark.concept, span))
            concept = concepts[mark.concept]
            if mark.concept not in links:
                links[mark.concept] = _link(concept, items, where, report)
            mention = Mention(f"T{len(seen)}", *span, concept.type or BROAD[0], link=links[mark.concept])
            entities[mark.concept].append(mention)
    for key, mentions in entities.items():
        if not mentions:
            report.defect("concept without a mention: dropped", "concepts", where, str(key))
        elif not concepts[key].type:
            report.defect("concept without a type: called entity", "concepts", where, str(key))
    return entities


def _link(concept: Concept, items: Mapping[str, str], where: str, report: Report) -> Link:
    if concept.link is UNSET:
        return Link("unlinkable" if "type::value" in concept.tags else "unknown")
    if not concept.link or not concept.link.strip():
        return Link("nil")
    if (title := unquote(concept.link).strip()) != concept.link:
        report.defect("link with blanks or escapes: cleaned", "concepts", where, repr(concept.link))
    return title_link([title], items, where, report)


def _plain(text: str) -> str:
    """A text as the program of the corpus compares it: no invisible characters, and one kind of blank."""
    seen = (" " if char.isspace() else char for char in text if unicodedata.category(char) not in ("Cf", "Cc"))
    return "".join(seen)


converter = Dwie()
