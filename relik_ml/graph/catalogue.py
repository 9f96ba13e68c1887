"""A catalogue of a store for the page: entities by name, and the facts of all documents together.

A store knows each document by itself. Questions over many documents, such as the facts of an entity that thousands of
documents name, read all of their statements. The catalogue, a SQLite file in the folder of the store, has the answers:
one row for a fact, whatever number of documents states it. It is made from the store alone, and made again when the
store has changed.

    terms    things and literals, each with label, type, status, and the number of its documents
    homes    the things that each document mentions
    names    the stems of a name and of its ends («анн ахматов», «ахматов»), so that any inflection of it is found
    facts    facts in the direction of their relation, with the score over their sources
    sources  the statements of each fact, the likeliest first
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache, partial
from itertools import groupby, islice
from math import prod
from pathlib import Path
from typing import Any

from relik_ml.data import atomic_path
from relik_ml.export.iris import ITSRDF, VOCABULARY
from relik_ml.facts import HIDDEN, SYMMETRIC
from relik_ml.graph.database import GraphStore
from relik_ml.graph.layout import NAME
from relik_ml.graph.things import label_of, map_statements, shortened, type_of
from relik_ml.names import stem
from relik_ml.scheme import NEREL

FILE = "catalogue.sqlite"
VERSION = "1"
"""Changes when the tables change, so that older catalogues are made again."""

_BATCH = 20_000
_WORDS = 6  # words of a name that it is found by
_RELATION, _STATUS = f"{VOCABULARY}relation", f"{VOCABULARY}status"
MENTIONED = f"{ITSRDF}taIdentRef"
"""The predicate from a mention to the thing."""
_TABLES = """
CREATE TABLE about (stamp TEXT);
CREATE TABLE terms (id INTEGER PRIMARY KEY, term TEXT UNIQUE, label TEXT, type TEXT, status TEXT,
    documents INTEGER DEFAULT 0);
CREATE TABLE documents (id INTEGER PRIMARY KEY, iri TEXT UNIQUE);
CREATE TABLE homes (document INTEGER, term INTEGER, PRIMARY KEY (document, term)) WITHOUT ROWID;
CREATE TABLE names (name TEXT, term INTEGER, PRIMARY KEY (name, term)) WITHOUT ROWID;
CREATE TABLE facts (id INTEGER PRIMARY KEY, subject INTEGER, property TEXT, object INTEGER, relation TEXT, kind TEXT,
    hidden INTEGER,
    documents INTEGER, statements INTEGER, best REAL, score REAL);
CREATE TABLE sources (fact INTEGER, place INTEGER, document INTEGER, number INTEGER, counts INTEGER,
    PRIMARY KEY (fact, place)) WITHOUT ROWID;
CREATE TEMP TABLE raw (subject INTEGER, object INTEGER, relation TEXT, hidden TEXT, property TEXT, kind TEXT,
    document INTEGER, number INTEGER, sentence INTEGER, score REAL);
"""
_INDEXES = """
CREATE INDEX facts_of ON facts (subject, hidden, relation, documents DESC, score DESC);
CREATE INDEX facts_to ON facts (object, hidden, relation, documents DESC, score DESC);
CREATE INDEX pairs ON facts (subject, object);
CREATE INDEX popular ON terms (documents DESC);
"""


def agreement(scores: Iterable[float | None]) -> float | None:
    """The probability that not all sources of a fact are wrong, if each is wrong independently of the others.

    One minus the product of 1 - p over their scores p (the noisy or of Pearl, 1988). None where no source has a score.

    >>> round(agreement([0.84, 0.78]), 4), agreement([None])
    (0.9648, None)
    """
    known = [score for score in scores if score is not None]
    return 1 - prod(1 - score for score in known) if known else None


def name_stems(text: str) -> str:
    """A name as ``names`` holds it: its words without inflection.

    >>> name_stems("Анной  АХМАТОВОЙ"), name_stems("Ахматова, А. А.")
    ('анн ахматов', 'ахматов а а')
    """
    return " ".join(map(_stem, re.findall(r"\w+", text.casefold())))


def open_catalogue(store: GraphStore) -> tuple[sqlite3.Connection, str]:
    """The catalogue of a store and its stamp; it is made first if there is none, or if the store has changed.

    The connection may be used by any thread.

    Raises:
        OutputError: there is no catalogue, and the folder cannot be written.
    """
    path, stamp = store.path / FILE, stamp_of(store)
    if _stamp(path) != stamp:
        with atomic_path(path) as new:
            made = sqlite3.connect(new)
            try:
                _fill(made, store, stamp)
            finally:
                made.close()
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False), stamp


def stamp_of(store: GraphStore) -> str:
    """What changes when the store does: the names and sizes of the files of its tables and of its journal."""
    kept = (path for path in (store.path / "oxigraph").glob("*") if path.suffix in (".sst", ".blob", ".log"))
    sizes = sorted((path.name, size) for path in kept if (size := path.stat().st_size))
    return hashlib.sha256(repr((VERSION, sizes)).encode()).hexdigest()[:12]


def _stamp(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        with sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True) as opened:
            return str(opened.execute("SELECT stamp FROM about").fetchone()[0])
    except (sqlite3.Error, TypeError):
        return ""


def _fill(made: sqlite3.Connection, store: GraphStore, stamp: str) -> None:
    made.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
    _Filling(made, store).fill()
    made.executescript(_INDEXES)
    made.execute("INSERT INTO about VALUES (?)", [stamp])
    made.commit()


class _Filling:
    """Fills the tables; in memory are a batch of rows, and the sources of one fact."""

    def __init__(self, made: sqlite3.Connection, store: GraphStore) -> None:
        self.made, self.store = made, store
        self.term = lru_cache(maxsize=1 << 17)(self._term)
        self.document = lru_cache(maxsize=1 << 14)(partial(self._key, "documents"))

    def fill(self) -> None:
        """Copy what the catalogue needs, and put the statements of each fact together."""
        mentions = groupby(self.store.quads(None, MENTIONED), key=lambda quad: quad.object)
        for thing, quads in mentions:
            term = self.term(thing)
            homes = {self.document(quad.subject.value.partition("#")[0]) for quad in quads}
            _insert(self.made, "homes", ((home, term) for home in homes))
            self.made.execute("UPDATE terms SET documents = ? WHERE id = ?", [len(homes), term])
        _insert(self.made, "names", self._names(), "OR IGNORE")
        _insert(self.made, "raw", self._raw())
        rows = self.made.execute("SELECT * FROM raw ORDER BY subject, object, relation, hidden, score DESC, document")
        groups = enumerate((list(group) for _, group in groupby(rows, key=lambda row: row[:4])), 1)
        while some := [_fact(*each) for each in islice(groups, _BATCH)]:
            _insert(self.made, "facts", (fact for fact, _ in some))
            _insert(self.made, "sources", (source for _, sources in some for source in sources))

    def _key(self, table: str, value: str) -> int:
        column = "iri" if table == "documents" else "term"
        new = self.made.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", [value])
        if new.rowcount:
            return int(new.lastrowid or 0)
        return int(self.made.execute(f"SELECT id FROM {table} WHERE {column} = ?", [value]).fetchone()[0])

    def _term(self, term: Any) -> int:
        id, literal = self._key("terms", str(term)), hasattr(term, "datatype")
        type = shortened(term.datatype.value) if literal else type_of(self.store, term)
        status = "" if literal else next((each.object.value for each in self.store.quads(term, _STATUS)), "")
        known = [label_of(self.store, term), type, status, id]
        self.made.execute("UPDATE terms SET label = ?, type = ?, status = ? WHERE id = ?", known)
        return id

    def _names(self) -> Iterator[tuple[str, int]]:
        for quad in self.store.quads(None, NAME):
            term, words = self.term(quad.subject), name_stems(quad.object.value).split()[:_WORDS]
            yield from ((" ".join(words[start:]), term) for start in range(len(words)))

    def _raw(self) -> Iterator[Sequence[Any]]:
        ids = (quad.subject for quad in self.store.quads(None, _RELATION))
        batches = iter(lambda: [*islice(ids, _BATCH)], [])
        for statement in (each for batch in batches for each in map_statements(self.store, batch)):
            property = shortened(statement.predicate.value).removeprefix("wdt:")
            ends = [self.term(statement.subject), self.term(statement.object)]
            if (statement.relation, property) in _inverse():
                ends.reverse()
            kind = "tautology" if statement.subject == statement.object else statement.kind  # two names of one thing
            home, _, number = statement.id.rpartition("#fact=")
            yield (
                *(sorted(ends) if statement.relation in SYMMETRIC else ends), statement.relation,
                kind if kind in HIDDEN else "", property, kind,
                self.document(home), int(number), hash(statement.sentence), statement.score,
            )  # fmt: skip


def _insert(made: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]], way: str = "") -> None:
    columns = made.execute(f"SELECT count(*) FROM pragma_table_info('{table}')").fetchone()[0]
    made.executemany(f"INSERT {way} INTO {table} VALUES ({', '.join('?' * columns)})", rows)


def _fact(id: int, group: Sequence[Sequence[Any]]) -> tuple[Sequence[Any], list[Sequence[Any]]]:
    """A row of ``facts`` and its rows of ``sources``.

    A document counts once, and so does a sentence that several documents have: they copied it.
    """
    subject, object, relation, hidden, property = group[0][:5]
    documents, sentences = set[int](), set[int]()
    sources, scores = list[Sequence[Any]](), list[float | None]()
    for place, (*_, document, number, sentence, score) in enumerate(group):
        counts = document not in documents and sentence not in sentences
        documents.add(document)
        sentences.add(sentence)
        sources.append((id, place, document, number, counts))
        scores += [score] * counts
    kinds = [row[5] for row in group]
    kind = "stated" if "stated" in kinds else kinds[0]
    ends = (subject, property, object, relation, kind, bool(hidden))
    return (id, *ends, len(documents), len(group), group[0][-1], agreement(scores)), sources


@cache
def _inverse() -> frozenset[tuple[str, str]]:
    """The relations whose property leads from object to subject, with these properties."""
    relations = NEREL.relations.values()
    properties = ((each, known) for each in relations for known in (each.property, *(it.property for it in each.typed)))
    return frozenset((relation.name, known.id) for relation, known in properties if known and known.inverse)


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    return stem(word)
