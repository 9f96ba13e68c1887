"""What the page of a store shows, as records for JSON: entities found by name, an entity, its facts, what is around.

Each answer takes a few rows of the catalogue, and from the store the sentences that are shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from threading import Lock
from typing import Any

from relik_ml.data import load_extra
from relik_ml.errors import DataError
from relik_ml.export.iris import ENTITY, NIF
from relik_ml.facts import EVENT, SYMMETRIC
from relik_ml.graph.catalogue import MENTIONED, name_stems, open_catalogue
from relik_ml.graph.database import GraphStore
from relik_ml.graph.layout import LOCAL
from relik_ml.graph.things import document_of, map_statements
from relik_ml.text import sentences

FIRST = 8
"""Facts of a relation that are shown first."""
PAGE = 40
"""Facts, sources or sentences that are added at a time."""
AROUND = 24
"""Neighbours that are added to a graph at a time."""
SAMPLE = 100
"""Documents in which the entities mentioned together with one are counted."""

Record = dict[str, Any]

_CLOSE = 2000  # names with the wanted beginning that are ranked
_EVENTS = 100  # events of an entity whose dates are shown
_SHOWN = 200  # nodes of a graph that new ones are joined to
_MARGIN = 600  # characters before and after a mention in which its sentence is sought
_SPAN = re.compile(r"#char=(\d+),(\d+)", re.ASCII)
_DATES = "('xsd:date', 'xsd:gYearMonth', 'xsd:gYear')"
_NODE = "id, term, label, type, status, documents"


class Lookups:
    """Questions of the page to an open store; any thread may ask."""

    def __init__(self, store: GraphStore) -> None:
        self.store, self._lock = store, Lock()
        self._rows, self.stamp = open_catalogue(store)

    def close(self) -> None:
        """Close the catalogue, and forget the store."""
        self._rows.close()
        del self.store

    def about(self) -> Record:
        """The size of the store, and the entities that most documents name."""
        counts = [self._one(f"SELECT count(*) FROM {table}")[0] for table in ("documents", "facts")]
        things = self._one("SELECT count(*) FROM terms WHERE term LIKE '<%'")[0]
        top = self._all(f"SELECT {_NODE} FROM terms WHERE documents > 0 ORDER BY documents DESC LIMIT 24")
        return {"documents": counts[0], "facts": counts[1], "things": things, "top": [*map(_node, top)]}

    def search(self, text: str, limit: int = 20) -> list[Record]:
        """The things with this item, or with a name that begins so, in any inflection; most documents first."""
        found: dict[int, Record] = {}
        item = re.fullmatch(r"\s*([QL][0-9a-z]+)\s*", text, re.IGNORECASE | re.ASCII)
        if item:
            id = item[1].upper()
            start = f"<{ENTITY}{id}" if id.startswith("Q") else f"<{LOCAL}L{id[1:].lower()}"
            ids = self._all("SELECT id FROM terms WHERE term >= ? AND term < ? LIMIT ?", start, f"{start}~", limit)
            found |= self._nodes(id for (id,) in ids)
        if stems := name_stems(text):
            exact = self._all("SELECT term FROM names WHERE name = ? LIMIT ?", stems, _CLOSE)
            close = self._all(
                "SELECT DISTINCT term FROM names WHERE name >= ? AND name < ? LIMIT ?",
                stems, f"{stems}\U0010ffff", _CLOSE,
            )  # fmt: skip
            for ids in (exact, close):
                nodes = self._nodes(id for (id,) in ids if id not in found)
                found |= sorted(nodes.items(), key=lambda pair: (-pair[1]["documents"], pair[1]["label"]))
        return [*found.values()][:limit]

    def thing(self, iri: str) -> Record:
        """An entity with its relations, the first facts of each, its dates, and what is mentioned beside it.

        Raises:
            DataError: the store has no such thing.
        """
        id = self._id(iri)
        relations = []
        for outward, hidden, relation, count in self._relations(id):
            facts = self.facts(iri, relation, outward, hidden, 0, FIRST)
            relations.append(
                {"relation": relation, "outward": outward, "hidden": hidden, "count": count, "facts": facts}
            )
        return {
            "thing": self._nodes([id])[id], "relations": relations, "timeline": self._timeline(id),
            "together": self._together(iri), "sentences": self.sentences(iri, 0, FIRST),
        }  # fmt: skip

    def facts(
        self, iri: str, relation: str, outward: bool, hidden: bool, start: int, count: int = PAGE
    ) -> list[Record]:
        """Some facts of a relation, those of most documents first; of a symmetric one those in both directions."""
        ends = ("subject", "object") if relation in SYMMETRIC else ("subject",) if outward else ("object",)
        parts = " UNION ".join(
            f"SELECT * FROM facts WHERE {end} = :id AND hidden = :hidden AND relation = :relation" for end in ends
        )
        found = self._all(
            f"{parts} ORDER BY documents DESC, score DESC LIMIT :count OFFSET :start",
            {"id": self._id(iri), "hidden": hidden, "relation": relation, "count": count, "start": start},
        )  # fmt: skip
        return self._facts(found)

    def sources(self, fact: str, start: int, count: int = PAGE) -> Record:
        """Some sources of a fact, the likeliest first, and the scores that its own is computed from.

        Raises:
            DataError: there is no such fact, or the store has changed since its id was given.
        """
        stamp, _, number = fact.partition("-")
        known = (
            self._one("SELECT * FROM facts WHERE id = ?", int(number))
            if number.isdecimal() and len(number) < 18
            else None
        )
        if known is None or stamp != self.stamp:
            fix = "ask for the entity again: ids of facts hold until the store changes"
            raise DataError("the store has no such fact", where=str(self.store.path), got=repr(fact), fix=fix)
        node = load_extra("pyoxigraph", "graph").NamedNode
        rows = self._all(
            "SELECT iri, number, counts FROM sources JOIN documents ON documents.id = document WHERE fact = ? "
            "ORDER BY place LIMIT ? OFFSET ?", known[0], count, start,
        )  # fmt: skip
        ids = [node(f"{home}#fact={number}") for home, number, _ in rows]
        statements = zip(map_statements(self.store, ids), rows, strict=True)
        counted = self._one("SELECT sum(counts) FROM sources WHERE fact = ?", known[0])[0]
        (record,) = self._facts([known])
        return record | {"counted": counted, "sources": [self._source(each, row[2]) for each, row in statements]}

    def sentences(self, iri: str, start: int, count: int = PAGE) -> list[Record]:
        """Some sentences that mention a thing, each in pieces with the mention lit."""
        self._id(iri)  # no IRI that is not in the store
        mentions = self.store.quads(None, MENTIONED, self._term(iri))
        return [self._sentence(quad.subject.value) for quad in islice(mentions, start, start + count)]

    def neighbours(self, iri: str, shown: Sequence[str], start: int) -> Record:
        """Some things that facts join to one, most documents first, and the facts among these and ``shown``."""
        id = self._id(iri)
        ends = " UNION ALL ".join(
            f"SELECT {other} AS other, documents, score FROM facts WHERE {one} = :id AND hidden = 0"
            for one, other in (("subject", "object"), ("object", "subject"))
        )  # fmt: skip
        rows = self._all(
            f"SELECT other, sum(f.documents) AS weight FROM ({ends}) f JOIN terms ON terms.id = other "
            "WHERE term LIKE '<%' AND other != :id GROUP BY other ORDER BY weight DESC, max(score) DESC, other",
            {"id": id},
        )  # fmt: skip
        new = [other for other, _ in rows[start : start + AROUND]]
        among = [id, *new, *(known for each in shown[:_SHOWN] if (known := self._find(each)))]
        marks = ", ".join("?" * len(among))
        facts = self._all(
            f"SELECT * FROM facts WHERE subject IN ({marks}) AND object IN ({marks}) AND hidden = 0 "
            "AND subject != object ORDER BY documents DESC, score DESC", *among, *among,
        )  # fmt: skip
        left = max(len(rows) - start - len(new), 0)
        return {"nodes": [*self._nodes([id, *new]).values()], "facts": self._facts(facts), "left": left}

    # Parts

    def _relations(self, id: int) -> list[tuple[bool, bool, str, int]]:
        """Direction, whether hidden, name and number of facts; what texts deny and the like last."""
        counts: Counter[tuple[bool, bool, str]] = Counter()
        for end in ("subject", "object"):
            query = f"SELECT hidden, relation, count(*) FROM facts WHERE {end} = ? GROUP BY hidden, relation"
            for hidden, relation, count in self._all(query, id):
                counts[bool(hidden), end == "object" and relation not in SYMMETRIC, relation] += count
        return [(not inward, hidden, relation, count) for (hidden, inward, relation), count in sorted(counts.items())]

    def _timeline(self, id: int) -> list[Record]:
        """The dated facts of a thing and of events that it is in, by date."""
        events = self._all(
            "SELECT DISTINCT t.id FROM facts f JOIN terms t ON t.id = f.subject + f.object - ?1 "
            f"WHERE (f.subject = ?1 OR f.object = ?1) AND hidden = 0 AND t.type = '{EVENT}' LIMIT {_EVENTS}", id,
        )  # fmt: skip
        subjects = [id, *(event for (event,) in events)]
        found = self._all(
            "SELECT f.* FROM facts f JOIN terms t ON t.id = f.object "
            f"WHERE f.subject IN ({', '.join('?' * len(subjects))}) AND hidden = 0 AND t.type IN {_DATES} "
            f"ORDER BY t.label, relation LIMIT {2 * PAGE}", *subjects,
        )  # fmt: skip
        return self._facts(found)

    def _together(self, iri: str) -> Record:
        """The things that a sample of its documents mention most often, with the numbers of these documents."""
        thing = self._term(iri)
        found: dict[str, None] = {}
        for quad in self.store.quads(None, MENTIONED, thing):
            found[quad.subject.value.partition("#")[0]] = None
            if len(found) == SAMPLE:
                break
        marks = ", ".join("?" * len(found))
        query = f"SELECT term FROM homes JOIN documents ON documents.id = document WHERE iri IN ({marks})"
        counts = Counter(other for (other,) in self._all(query, *found))
        del counts[self._id(iri)]
        top = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:PAGE])
        nodes = self._nodes(top)
        return {"documents": len(found), "things": [nodes[other] | {"together": top[other]} for other in top]}

    def _sentence(self, mention: str) -> Record:
        home, place = mention.partition("#")[0], _SPAN.search(mention)
        start, stop = (int(place[1]), int(place[2])) if place else (0, 0)
        text = next((quad.object.value for quad in self.store.quads(self._term(home), f"{NIF}isString")), "")
        offset = max(start - _MARGIN, 0)
        around = [(one + offset, other + offset) for one, other in sentences(text[offset : stop + _MARGIN])]
        inside = [each for each in around if each[0] < stop and start < each[1]] or [(start, stop)]
        return {
            "document": document_of(home),
            "start": start,
            "pieces": _pieces(text, inside, [("mention", (start, stop))]),
        }

    def _source(self, statement: Any, counts: bool) -> Record:
        home = statement.id.partition("#")[0]
        text = next((quad.object.value for quad in self.store.quads(self._term(home), f"{NIF}isString")), "")
        ends = [*zip(("subject", "object"), statement.mentions, strict=True)]
        return {
            "document": statement.document, "start": statement.mentions[0][0],
            "pieces": _pieces(text, statement.evidence, ends),
            "score": statement.score, "kind": statement.kind, "counts": bool(counts),
        }  # fmt: skip

    # Rows

    def _all(self, query: str, *values: Any) -> list[Any]:
        given = values[0] if values and isinstance(values[0], dict) else values
        with self._lock:
            return self._rows.execute(query, given).fetchall()

    def _one(self, query: str, *values: Any) -> Any:
        return next(iter(self._all(query, *values)), None)

    def _term(self, iri: str) -> Any:
        return load_extra("pyoxigraph", "graph").NamedNode(iri)

    def _find(self, iri: str) -> int:
        found = self._one("SELECT id FROM terms WHERE term = ?", f"<{iri}>")
        return int(found[0]) if found else 0

    def _id(self, iri: str) -> int:
        if id := self._find(iri):
            return id
        fix = "search for it: the page and /graph/search find every name"
        raise DataError("the store has no such thing", where=str(self.store.path), got=repr(iri), fix=fix)

    def _nodes(self, ids: Iterable[int]) -> dict[int, Record]:
        wanted = [*ids]
        rows: list[Any] = []
        for some in iter(lambda: [wanted.pop() for _ in range(min(500, len(wanted)))], []):
            rows += self._all(f"SELECT {_NODE} FROM terms WHERE id IN ({', '.join('?' * len(some))})", *some)
        return {row[0]: _node(row) for row in rows}

    def _facts(self, rows: Sequence[Any]) -> list[Record]:
        nodes = self._nodes({end for row in rows for end in (row[1], row[3])})
        return [
            {
                "id": f"{self.stamp}-{id}", "subject": nodes[subject], "property": property, "object": nodes[object],
                "relation": relation, "kind": kind, "hidden": bool(hidden), "documents": documents,
                "statements": statements, "best": best, "score": score,
            }
            for id, subject, property, object, relation, kind, hidden, documents, statements, best, score in rows
        ]  # fmt: skip


def _node(row: Sequence[Any]) -> Record:
    """A thing or a literal.

    ``iri`` is None for a literal, ``item`` an id of Wikidata or of the store, ``home`` the only document of a thing.
    """
    _, term, label, type, status, documents = row
    iri = term[1:-1] if term.startswith("<") else None
    item = iri.removeprefix(ENTITY).removeprefix(LOCAL) if iri and iri.startswith((ENTITY, LOCAL)) else None
    home = document_of(iri) if iri and "#" in iri and not item else None
    return {
        "iri": iri,
        "label": label,
        "type": type,
        "status": status,
        "item": item,
        "home": home,
        "documents": documents,
    }


def _pieces(
    text: str, spans: Sequence[tuple[int, int]], lit: Sequence[tuple[str, tuple[int, int]]]
) -> list[tuple[str, str]]:
    """The text of spans, cut where something lit starts or stops, each piece with the name of what lights it."""
    found: list[tuple[str, str]] = []
    for start, stop in spans:
        cuts = sorted({start, stop, *(cut for _, span in lit for cut in span if start < cut < stop)})
        found += [(" … ", "")] * bool(found)
        found += (_piece(text, one, other, lit) for one, other in pairwise(cuts))
    return found


def _piece(text: str, start: int, stop: int, lit: Sequence[tuple[str, tuple[int, int]]]) -> tuple[str, str]:
    return text[start:stop], next((name for name, span in lit if span[0] <= start and stop <= span[1]), "")
