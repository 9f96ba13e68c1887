"""The table of export formats, and counts of what each format leaves out.

>>> from relik_ml.types import Mention
>>> document = Document("d", "Тула", mentions=(Mention("T1", 0, 4, "CITY", score=0.9),))
>>> EXPORTERS["conll"].write([document], getfixture("tmp_path") / "d.conllup")
Counter({'documents': 1, 'mentions.score left out': 1, 'mentions.link.status left out': 1})
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from relik_ml.data import load_extra
from relik_ml.types import Document

REPLACED = "characters replaced"

_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x1f\ud800-\udfff]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # XML 1.0, section 2.2, Characters


@dataclass(frozen=True, slots=True)
class Exporter:
    """An export format.

    ``suffix`` is empty if the format is a folder of files. ``writer`` is ``module:function`` below
    ``relik_ml.export``; the module is imported on first use. The function takes documents, a path and a Counter, to
    which it adds what else it leaves out. ``leaves_out`` lists the fields that the format cannot hold, as paths
    separated by blanks; it is empty if the format is lossless. Characters that match ``forbidden`` are replaced in all
    strings. ``package`` is a package that the pip extra ``extra`` installs.
    """

    name: str
    suffix: str
    help: str
    writer: str
    leaves_out: str = ""
    forbidden: re.Pattern[str] = _SURROGATES
    package: str = "relik_ml"
    extra: str = "export"
    takes_base: bool = False

    def write(self, documents: Iterable[Document], path: Path, **options: str) -> Counter[str]:
        """Write documents to a new file or an empty folder. Returns counts of documents and of what was left out.

        The only option is ``base``, the IRI prefix of documents, for formats that take it (``takes_base``).

        Raises:
            ConfigError: a package that the format needs is not installed.
        """
        load_extra(self.package, self.extra)
        losses: Counter[str] = Counter()
        resolve_name(f"relik_ml.export.{self.writer}")(self._prepared(documents, losses), path, losses, **options)
        return +losses

    def _prepared(self, documents: Iterable[Document], losses: Counter[str]) -> Iterator[Document]:
        for document in documents:
            losses["documents"] += 1
            for field in self.leaves_out.split():
                losses[f"{field} left out"] += _count(document, field.split("."))
            yield _replaced(document, self.forbidden, losses)


_OTHERS = "mentions.link.alternatives mentions.link.candidates"
_LINKS = f"mentions.score mentions.link.score {_OTHERS}"
_GRAPH = f"mentions.start {_LINKS} mentions.fragments mentions.value.raw"

_TABLE = (
    Exporter(
        "brat", "", "brat standoff: a .txt and an .ann file for each document.", "brat:write",
        "mentions.score mentions.link.score mentions.link.candidates mentions.value triples.property triples.evidence "
        "triples.score",
    ),
    Exporter(
        "conll", ".conllup", "CoNLL-U Plus: one token a line, BIO tags of the longest mentions.", "conll:write",
        f"{_LINKS} mentions.link.status mentions.link.label mentions.value entities triples",
    ),
    Exporter(
        "spacy", ".spacy", "spaCy DocBin: mentions in doc.spans['relik'], facts in doc._.triples.", "docbin:write",
        f"{_OTHERS} mentions.fragments mentions.value.raw entities", package="spacy", extra="spacy",
    ),
    Exporter(
        "turtle", ".ttl", "NIF 2.0 (RDF): texts, mentions and links, for GERBIL.", "rdf:write_turtle",
        f"mentions.score mentions.link.label {_OTHERS} mentions.fragments mentions.value.raw entities "
        "triples", package="rdflib", takes_base=True,
    ),
    Exporter(
        "ntriples", ".nt", "RDF facts, each with its sentence, offsets and score.", "triples:write_ntriples",
        f"{_LINKS} mentions.fragments mentions.value.raw", takes_base=True,
    ),
    Exporter("jsonld", ".jsonld", "JSON-LD: everything, also as RDF.", "json_formats:write_jsonld", takes_base=True),
    Exporter(
        "graphml", ".graphml", "The knowledge graph, for yEd and Cytoscape.", "networks:write_graphml",
        _GRAPH, _NOT_XML, "networkx",
    ),
    Exporter(
        "gexf", ".gexf", "The knowledge graph, for Gephi.", "networks:write_gexf", _GRAPH, _NOT_XML, "networkx",
    ),
    Exporter(
        "neo4j", "", "The knowledge graph as CSV for neo4j-admin database import.", "networks:write_neo4j", _GRAPH,
    ),
    Exporter(
        "mermaid", ".mmd", "A mind map of the facts.", "mermaid:write",
        f"mentions.start {_LINKS} mentions.link.status mentions.fragments mentions.value triples.score "
        "triples.property triples.evidence", _CONTROLS,
    ),
    Exporter(
        "csv", ".csv", "Facts as a table for spreadsheets: sentence, offsets, score.", "table:write",
        f"{_LINKS} mentions.fragments mentions.value.raw entities",
    ),
    Exporter(
        "utf16", ".jsonl", "JSON Lines with offsets in UTF-16 units, as in JavaScript.", "json_formats:write_utf16",
    ),
)  # fmt: skip
EXPORTERS: Mapping[str, Exporter] = {exporter.name: exporter for exporter in _TABLE}
"""All export formats by name."""


def stand_in(match: re.Match[str]) -> str:
    """The replacement for a character that a format cannot hold: the picture of a C0 control, else U+FFFD.

    One code point replaces one, so offsets stay valid.
    """
    return chr(0x2400 + ord(match[0])) if match[0] < " " else "\ufffd"


def _count(value: Any, field: list[str]) -> int:
    """The number of values of a field that are not None, over all elements of tuples along its path."""
    if type(value) is tuple:
        return sum(_count(each, field) for each in value)
    if value is None or not field:
        return int(value is not None)
    return _count(getattr(value, field[0]), field[1:])


def _replaced(value: Any, forbidden: re.Pattern[str], losses: Counter[str]) -> Any:
    """A document, or a part of one, with all forbidden characters replaced and counted."""
    if isinstance(value, str):
        written, count = forbidden.subn(stand_in, value)
        losses[REPLACED] += count
        return written
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: _replaced(getattr(value, each.name), forbidden, losses) for each in fields(value)}
        return replace(value, **held)
    if isinstance(value, Mapping):
        return {_replaced(key, forbidden, losses): _replaced(held, forbidden, losses) for key, held in value.items()}
    if type(value) in (list, tuple):  # not a Span
        return type(value)(_replaced(held, forbidden, losses) for held in value)
    return value
