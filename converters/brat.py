"""Any folder of brat standoff: texts (.txt), each with its annotation (.ann) beside it.

The subfolders ``train``, ``dev`` and ``test`` are splits. Files outside of them, at any depth, are the split ``all``.
Annotation that the schema cannot hold is counted; see docs/converters/brat.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from relik_ml.data import Report, figures
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import Converter, option
from relik_ml.types import Annotated, Completeness, Document, Entity, Link

from ._brat import Standoff, mention, read_standoff
from ._language import check_language
from ._links import Ranking, read_choices

REST = "all"
# Without votes the item of the earlier line wins: documents are read one by one, so frequencies are unknown.
FIRST = Ranking((), str.casefold)


@dataclass(frozen=True)
class Brat(Converter):
    """The converter. ``lang`` is the language of the texts."""

    name: str = "brat"
    languages: tuple[str, ...] = ("ru",)
    tasks: tuple[str, ...] = ("ner", "el", "re")
    licence: str = "that of the folder you give"
    citation: str = "The format: Stenetorp et al., brat: a Web-based Tool for NLP-Assisted Text Annotation, EACL 2012"
    splits: tuple[str, ...] = ("train", "dev", "test", REST)
    lang: str = option("ru", "The language of the texts (ISO 639-1), which brat does not say.")

    def __post_init__(self) -> None:
        check_language(self.lang)

    def locate(self, source: Path) -> dict[str, Path]:
        """The split folders that hold .ann files at any depth, and ``source`` itself when others lie outside them."""
        named = [split for split in self.splits if split != REST]
        found = {split: source / split for split in named if any((source / split).rglob("*.ann"))}
        if any(path.relative_to(source).parts[0] not in found for path in source.rglob("*.ann")):
            found[REST] = source
        if not found:
            got = "no .ann file" if source.is_dir() else "no such folder"
            fix = "give a folder that holds .txt files, each with its .ann file beside it"
            raise CorpusNotFound("no brat annotation here", where=str(source), got=got, fix=fix)
        return found

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The documents of a split by path, one at a time; their ids are ``brat/SPLIT/path``."""
        found = self.locate(source)
        if (folder := found.get(split)) is None:
            raise CorpusNotFound("the split is not there", where=str(source), got=repr(split), fix="leave it out")
        for path in _pairs(folder, found.keys() - {REST} if split == REST else frozenset(), report):
            try:
                document = self._document(path, folder, split, report)
            except DataError as error:
                report.bad(error)
            else:
                report.counts.update(figures(document))
                report.count("mentions discontinuous", sum(bool(m.fragments) for m in document.mentions))
                report.count("entities of several mentions", len(document.entities))
                yield document

    def _document(self, path: Path, folder: Path, split: str, report: Report) -> Document:
        before = report.tally()
        standoff = read_standoff(path, report)
        links = _links(standoff, report)
        name = path.relative_to(folder)
        repairs = dict(report.tally() - before)
        meta = {"dataset": self.name, "split": split, "source": name.as_posix(), "repairs": repairs}
        mentions = tuple(mention(bound, links.get(bound.id, Link())) for bound in standoff.bounds.values())
        entities = tuple(Entity(f"E{n}", e.members, "equiv") for n, e in enumerate(standoff.equivalences, 1))
        id = f"{self.name}/{split}/{name.with_suffix('').as_posix()}"
        text, triples = standoff.text, standoff.triples()
        return Document(id, text, self.lang, mentions, entities, triples, _annotated(standoff), meta)


def _pairs(folder: Path, elsewhere: frozenset[str] | set[str], report: Report) -> Iterator[Path]:
    """The .ann files below a folder that have a text, sorted by path, except in the subfolders ``elsewhere``."""
    ends: dict[Path, set[str]] = {}
    for path in folder.rglob("*"):
        if path.suffix in (".ann", ".txt") and path.relative_to(folder).parts[0] not in elsewhere:
            ends.setdefault(path.with_suffix(""), set()).add(path.suffix)
    for stem in sorted(ends):
        if len(ends[stem]) == 2:
            yield stem.with_name(f"{stem.name}.ann")
        else:
            where = stem.relative_to(folder).as_posix()
            report.defect("text or annotation alone: skipped", "documents", where, *ends[stem])


def _links(standoff: Standoff, report: Report) -> dict[str, Link]:
    """The links of mentions with a reference to Wikidata. References to other knowledge bases are counted."""
    ours = []
    for reference in standoff.references:
        if reference.base == "Wikidata":
            ours.append(reference)
        else:
            got = f"{reference.base}:{reference.value}"
            report.defect("link to another knowledge base: dropped", "reference lines", reference.where, got)
    types = {bound.type for bound in standoff.bounds.values()}
    choices = read_choices(standoff._replace(references=ours), types, report)
    return {id: FIRST.link(standoff.bounds[id], items) for id, items in choices.items()}


def _annotated(standoff: Standoff) -> Annotated:
    """Mentions count as complete where there are any. Brat does not say how complete the other layers are."""
    mentions: Completeness = "complete" if standoff.bounds else "none"
    return Annotated(
        mentions=mentions,
        types=mentions,
        links=_some(standoff.references),
        entities=_some(standoff.equivalences),
        triples=_some(standoff.relations),
    )


def _some(lines: Sequence[object]) -> Completeness:
    return "partial" if lines else "none"


converter = Brat()
