"""SPARQL of users: queries only, nothing outside of the store, and errors that name the place.

>>> [*map(reads_elsewhere, ("SELECT * { SERVICE ?s { ?s ?p ?o } }", 'SELECT * { ?s ?p "SERVICE" }'))]
[True, False]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from relik_ml.data import load_extra
from relik_ml.errors import ConfigError
from relik_ml.graph.answers import as_csv, as_json, citations, named, source_record, table
from relik_ml.graph.database import PREFIXES, GraphStore, fact_of
from relik_ml.graph.things import Statement, is_fact, map_statements, statements_of

if TYPE_CHECKING:
    from pyoxigraph import QueryBoolean, QuerySolution, QuerySolutions, QueryTriples

UPDATES = "INSERT DELETE LOAD CLEAR CREATE DROP COPY MOVE ADD WITH"
_WHERE = "the query"
# What holds words that are no keywords, as the parser of Oxigraph cuts it: strings, IRIs, comments, variables, escapes.
# Names are not among them: in `1.SERVICE:x` the parser sees a number, the keyword and a name.
_QUOTED = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""' r"|'''(?:[^'\\]|\\.|'(?!''))*'''" r'|"(?:[^"\\\r\n]|\\.)*"'
    r"|'(?:[^'\\\r\n]|\\.)*'" r'|<[^<>"{}|^`\x00-\x20]*>' r"|#[^\r\n]*" r"|[?$]\w+" r"|\\.", re.DOTALL,
)  # fmt: skip
_FROM = re.compile(r"(?<![\w:.-])from(?![\w:.-])", re.IGNORECASE)
_PLACE = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)


def ask(
    store: GraphStore, sparql: str, default: Sequence[str] = (), named: Sequence[str] = ()
) -> QuerySolutions | QueryBoolean | QueryTriples:
    """Run a query of a user; the prefixes of ``PREFIXES`` are known.

    With IRIs of ``default`` or ``named`` graphs, or with FROM, it is over these alone. Graphs that the store does not
    have are empty: nothing is fetched.

    Raises:
        ConfigError: it is not SPARQL, changes something, or asks another service; names line and column.
    """
    if reads_elsewhere(sparql):
        fix = "ask only what is in the store; write a prefixed name that has this word as an IRI in <>"
        raise ConfigError("SERVICE is not allowed: a query reads this store alone", where=_WHERE, fix=fix)
    try:
        if not default and not named and not _FROM.search(_QUOTED.sub(" ", sparql)):
            return store.query(sparql)
        if not default and not named:
            return store.database.query(sparql, prefixes=PREFIXES)
        graphs = [[load_extra("pyoxigraph", "graph").NamedNode(iri) for iri in iris] for iris in (default, named)]
        return store.database.query(sparql, prefixes=PREFIXES, default_graph=graphs[0], named_graphs=graphs[1])
    except SyntaxError as error:
        raise _refusal(sparql, str(error)) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError("the query failed", where=_WHERE, got=str(error), fix="simplify the query") from None


def reads_elsewhere(sparql: str) -> bool:
    """Whether a query may ask another service: whether the word is in it outside of strings, IRIs and variables."""
    return "service" in _QUOTED.sub(" ", sparql).lower()


def supporting(store: GraphStore, row: QuerySolution, names: Sequence[str]) -> Iterator[Statement]:
    """The facts that a row of an answer rests on: those it names, and those between two things of it."""
    node = load_extra("pyoxigraph", "graph").NamedNode
    terms = [term for name in names if (term := row[name]) is not None]
    things = [term for term in terms if isinstance(term, node)]
    yield from map_statements(store, [term for term in things if is_fact(store, term)])
    predicates = {
        (subject, quad.predicate, quad.object)
        for subject in things for object in terms if subject != object
        for quad in store.quads(subject, None, object) if fact_of(quad)
    }  # fmt: skip
    for triple in sorted(predicates, key=str):
        yield from statements_of(store, *triple)


def written_answer(store: GraphStore, sparql: str, format: str, sources: bool = False) -> str:
    """The answer to a query of a user as ``table``, ``json``, ``csv``, or ``turtle`` for triples.

    Raises:
        ConfigError: a wrong query, or a format that does not fit its kind.
    """
    oxigraph, answer = load_extra("pyoxigraph", "graph"), ask(store, sparql)
    if isinstance(answer, oxigraph.QueryTriples):
        return _written_triples(answer, format)
    if format == "turtle":
        fix = "use --format json, or a CONSTRUCT query"
        raise ConfigError("only CONSTRUCT and DESCRIBE give triples", where="--format", got=format, fix=fix)
    if isinstance(answer, oxigraph.QueryBoolean):
        return as_json({"head": {}, "boolean": bool(answer)}) if format == "json" else "yes" if answer else "no"
    names = [variable.value for variable in cast("QuerySolutions", answer).variables]
    rows = _read(answer)
    cited = [[*supporting(store, row, names)] for row in rows] if sources else []
    if format == "table":
        cells = [["" if row[name] is None else named(store, row[name]) for name in names] for row in rows]
        return table(names, cells, [citations(each) for each in cited])
    if format == "csv":
        values = [["" if row[name] is None else row[name].value for name in names] for row in rows]
        more = [["\n".join(citations(each))] for each in cited] or [[]] * len(rows)
        return as_csv([*names, *["sources"] * sources], [row + last for row, last in zip(values, more, strict=True)])
    bindings = [{name: _binding(row[name]) for name in names if row[name] is not None} for row in rows]
    record = {"head": {"vars": names}, "results": {"bindings": bindings}}
    return as_json(record | ({"sources": [[*map(source_record, each)] for each in cited]} if sources else {}))


def _read(answer: Any) -> list[Any]:
    try:
        return list(answer)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError("the query failed", where=_WHERE, got=str(error), fix="simplify the query") from None


def _written_triples(answer: Any, format: str) -> str:
    oxigraph = load_extra("pyoxigraph", "graph")
    kinds = {"table": "TURTLE", "turtle": "TURTLE", "json": "JSON_LD"}
    if format not in kinds:
        raise ConfigError("triples have no columns", where="--format", got=format, fix="use --format turtle")
    kind, triples = getattr(oxigraph.RdfFormat, kinds[format]), dict.fromkeys(_read(answer))
    starts = {str(term).lstrip("<") for triple in triples for term in triple}
    used = {prefix: iri for prefix, iri in PREFIXES.items() if any(start.startswith(iri) for start in starts)}
    written: bytes = oxigraph.serialize(triples, format=kind, prefixes=used)
    return written.decode().rstrip("\n")


def _binding(term: Any) -> dict[str, str]:
    if not hasattr(term, "datatype"):
        return {"type": "uri", "value": term.value}
    more = {"xml:lang": term.language} if term.language else {"datatype": term.datatype.value}
    return {"type": "literal", "value": term.value, **more}


def _refusal(sparql: str, message: str) -> ConfigError:
    place = _PLACE.match(message)
    words = _QUOTED.sub(" ", sparql).split()
    if word := next((word.upper() for word in words if word.upper() in UPDATES.split()), ""):
        fix = "use SELECT, ASK, CONSTRUCT or DESCRIBE; `relik-ml graph load` and `remove` change a store"
        return ConfigError("only queries are allowed", where=_WHERE, got=word, fix=fix)
    if place is None:
        return ConfigError("the query is not SPARQL", where=_WHERE, got=message, fix="correct the query")
    line, column = int(place[1]), int(place[2])
    lines = sparql.splitlines() or [""]
    text = lines[min(line, len(lines)) - 1]
    got = f"{text[max(column - 21, 0) : column - 1]} ⟨here⟩ {text[column - 1 : column + 19]}".strip()
    known = f"declare the prefix, or use one of {', '.join(PREFIXES)}"
    fix = known if "Prefix not found" in place[3] else "correct what is at or before ⟨here⟩"
    return ConfigError("the query is not SPARQL", where=f"line {line}, column {column}", got=got, fix=fix)
