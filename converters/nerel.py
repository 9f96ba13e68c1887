"""NEREL v1.1 (Loukachevitch et al. 2021, 2022): Russian news with nested entities, relations and Wikidata links.

The corpus is brat standoff with two files for each document: ``NEREL-v1.1/{train,dev,test}/NAME.{txt,ann}``. Names
that end in ``_text`` are pages of Russian Wikinews. docs/converters/nerel.md lists what is repaired and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from relik_ml.data import Archive, Report, figures
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import Converter, IndexSource, load_index, option
from relik_ml.scheme import NEREL
from relik_ml.text import Morphology, same_link
from relik_ml.types import Annotated, Document, Link

from ._brat import Standoff, mention, read_standoff
from ._links import Choices, Ranking, read_choices

COMMIT = "8f07d3e410f322d5dbf6b68b13fbf4a4aa077fe9"
ARCHIVE = Archive(
    url=f"https://codeload.github.com/nerel-ds/NEREL/tar.gz/{COMMIT}",
    version=COMMIT,
    folder="NEREL-v1.1",
    checksums={
        "train": "5c84a7568e64988d05f865b5cb1aaf9f60eeee225d0496534887d87c600c7911",
        "dev": "938bd94b086c74bd22f55bda07b642faaf0f2daf73ecf198cc9f1bd87873b934",
        "test": "edeb710b844a22b054c30ba93584f2b182658cb3ef019b76e755e34b1ca7a729",
    },
    notice="NEREL states no licence. 828 of its 933 documents are Wikinews pages (CC BY 2.5), 105 are agency news\n"
    "with no stated right. It is fetched from its authors for your own use; --wikinews-only leaves the 105 out.",
    by_hand="git clone https://github.com/nerel-ds/NEREL",
)
ANNOTATED = Annotated(mentions="complete", types="complete", links="complete", entities="none", triples="partial")


class Page(NamedTuple):
    """A document before its links are decided: its annotation, the items of its mentions, and counts of repairs."""

    path: Path
    standoff: Standoff
    choices: Choices
    repairs: dict[str, int]


@dataclass(frozen=True)
class Nerel(Converter):
    """The converter. ``lemma`` gives the dictionary form of a word; it is used to choose among several QIDs."""

    name: str = "nerel"
    languages: tuple[str, ...] = ("ru",)
    tasks: tuple[str, ...] = ("ner", "el", "re")
    licence: str = "none stated; Wikinews pages CC BY 2.5"
    citation: str = "Loukachevitch et al., NEREL: A Russian Dataset with Nested Named Entities, …, RANLP 2021"
    splits: tuple[str, ...] = ("train", "dev", "test")
    archive: Archive | None = ARCHIVE
    wikinews_only: bool = option(False, "Only Wikinews pages, whose licence is known (CC BY 2.5).")
    lemma: Callable[[str], str] = field(default_factory=lambda: Morphology().lemma)

    def locate(self, source: Path) -> dict[str, Path]:
        """The split folders with .ann files in a clone of nerel-ds/NEREL, its NEREL-v1.1, or a folder of splits."""
        for folder in (source / ARCHIVE.folder, source):
            if found := {s: folder / s for s in self.splits if any((folder / s).glob("*.ann"))}:
                return found
        got = "no such folder" if not source.is_dir() else "no .ann file in " + ", ".join(f"{s}/" for s in self.splits)
        fix = f"give a clone ({ARCHIVE.by_hand}) or a folder that holds train/, dev/ or test/ with .ann and .txt files"
        raise CorpusNotFound("no NEREL here", where=str(source), got=got, fix=fix)

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The documents of a split by file name. Choosing links by frequency needs the whole split in memory."""
        if (folder := self.locate(source).get(split)) is None:
            raise CorpusNotFound("the split is not there", where=str(source), got=repr(split), fix="leave it out")
        pages = [page for path in self._paths(folder, report) if (page := _page(path, report))]
        votes = ((page.standoff.bounds[id], items) for page in pages for id, items in page.choices.items())
        ranking = Ranking(votes, self.lemma)
        relations = load_index("nerel_relations")
        for page in pages:
            bounds = page.standoff.bounds
            links = {id: ranking.link(bounds[id], items) for id, items in page.choices.items()}
            document = _document(page, split, links, relations)
            _count(document, report)
            yield document

    def _paths(self, folder: Path, report: Report) -> Iterator[Path]:
        names = {suffix: {path.stem for path in folder.glob(f"*.{suffix}")} for suffix in ("ann", "txt")}
        for stem in sorted(names["ann"] | names["txt"]):
            if self.wikinews_only and not stem.endswith("_text"):
                report.count("documents left out by --wikinews-only")
            elif stem not in names["ann"] & names["txt"]:
                report.defect("text or annotation alone: skipped", "documents", f"{folder.name}/{stem}")
            else:
                yield folder / f"{stem}.ann"


def _page(path: Path, report: Report) -> Page | None:
    """The page at ``path``. None when it cannot be read and ``report`` tolerates that."""
    before = report.tally()
    try:
        standoff = read_standoff(path, report)
    except DataError as error:
        report.bad(error)
        return None
    choices = read_choices(standoff, NEREL.linked, report)
    return Page(path, standoff, choices, dict(report.tally() - before))


def _document(page: Page, split: str, links: dict[str, Link], known: IndexSource) -> Document:
    path, standoff = page.path, page.standoff
    mentions = tuple(
        mention(bound, links.get(bound.id) or Link("unlinkable" if bound.type in NEREL.literals else "unknown"))
        for bound in standoff.bounds.values()
    )
    meta = {"dataset": "nerel", "split": split, "source": path.name, "repairs": page.repairs}
    if path.stem.endswith("_text"):
        meta["licence"] = "CC BY 2.5"
    id, triples = f"nerel/{split}/{path.stem}", standoff.triples(known.property_of)
    return Document(id, standoff.text, "ru", mentions, same_link(mentions), triples, ANNOTATED, meta)


def _count(document: Document, report: Report) -> None:
    text, mentions = document.text, document.mentions
    report.counts.update(figures(document))
    report.count("texts with U+00A0", "\u00a0" in text)
    report.count("texts without a final newline", not text.endswith("\n"))
    report.count("mentions discontinuous", sum(bool(m.fragments) for m in mentions))
    report.count("mentions with fragments out of order", sum([*m.fragments] != sorted(m.fragments) for m in mentions))
    report.count("entities of several mentions", len(document.entities))


converter = Nerel()
