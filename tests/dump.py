"""Made-up dumps of Wikidata in the shape of the real ones: JSON of all entities, and triples of truthy statements.

Lines are 1 to 40 kB: names in many languages, statements with ranks, qualifiers and references, sitelinks; texts are
written with ``\\u`` escapes and empty maps as empty lists, as the real dump does. Ids and names mean nothing, apart
from those of ``CLASSES`` and ``BIRTHPLACE``. The same seed gives the same bytes.
"""

import bz2
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

LANGS = (
    "en", "ru", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "uk", "be", "cs", "ja", "zh", "ar", "fa", "he", "hu",
    "fi", "da", "nb", "tr", "ko", "vi", "ca", "ro", "bg", "sr", "el", "hy", "ka", "kk", "lt", "lv", "et", "eo", "ga",
)  # fmt: skip
CYRILLIC = ("ru", "uk", "be", "bg", "sr", "kk")
CLASSES = {  # id: (English, Russian, parents)
    "Q35120": ("entity", "сущность", ()), "Q5": ("human", "человек", ("Q35120",)),
    "Q486972": ("settlement", "населённый пункт", ("Q35120",)), "Q515": ("city", "город", ("Q486972",)),
    "Q1549591": ("big city", "большой город", ("Q515",)), "Q532": ("village", "деревня", ("Q486972",)),
    "Q4167410": ("disambiguation page", "страница неоднозначности", ("Q17442446",)),
    "Q17442446": ("internal item", "внутренний элемент", ()),
}  # fmt: skip
TYPES = ("Q5", "Q5", "Q5", "Q515", "Q1549591", "Q532", "Q4167410")
BIRTHPLACE = "P19"
Entity = dict[str, Any]


def entities(number: int, seed: int = 0) -> Iterator[Entity]:
    """The classes, a property and a lexeme, and ``number`` items between them."""
    rng = Random(seed)
    classes = [class_entity(rng, id) for id in CLASSES]
    yield from classes[:4]
    for position in range(number):
        yield item(rng, f"Q{1_000_000 + position}")
        if position == number // 2:
            yield birthplace()
            yield {"type": "lexeme", "id": "L1", "lemmas": {"en": {"language": "en", "value": "word"}}}
    yield from classes[4:]


def item(rng: Random, id: str) -> Entity:
    """An item with between none and some hundred statements, more sitelinks the more names it has."""
    langs = sorted({*rng.sample(LANGS, rng.choice((1, 2, 3, 5, 8, 20, len(LANGS)))), *(["en"] * (rng.random() < 0.8))})
    statements = [_statement(rng, f"P{rng.randrange(300, 3000)}") for _ in range(rng.choice((0, 3, 6, 10, 15, 25)))]
    claims: dict[str, Any] = {"P31": [claim("P31", rng.choice(TYPES))]}
    for each in statements:
        claims.setdefault(each["mainsnak"]["property"], []).append(each)
    wikis = rng.sample(LANGS, rng.randrange(len(langs) + 1))
    aliases = {lang: [term(lang, _name(rng, lang)) for _ in range(2)] for lang in langs if rng.random() < 0.3}
    return entity(id, {lang: _name(rng, lang) for lang in langs}, claims, wikis, aliases, _described(rng, langs))


def entity(
    id: str, labels: dict[str, str], claims: Any = (), wikis: Sequence[str] = (), aliases: Any = (),
    descriptions: dict[str, str] | None = None,
) -> Entity:  # fmt: skip
    """An item as the dump has it; what is empty is an empty list."""
    links = {f"{lang}wiki": {"site": f"{lang}wiki", "title": labels.get(lang, id), "badges": []} for lang in wikis}
    return {
        "type": "item", "id": id, "labels": {lang: term(lang, text) for lang, text in labels.items()} or [],
        "descriptions": {lang: term(lang, text) for lang, text in (descriptions or {}).items()} or [],
        "aliases": aliases or [], "claims": claims or [], "sitelinks": links or [],
        "pageid": int(id[1:]), "ns": 0, "title": id, "lastrevid": 2_000_000_000, "modified": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def class_entity(rng: Random, id: str) -> Entity:
    """One of ``CLASSES``, without sitelinks."""
    english, russian, parents = CLASSES[id]
    claims = {"P279": [claim("P279", parent) for parent in parents]} if parents else {}
    return entity(id, {"en": english, "ru": russian}, claims)


def birthplace() -> Entity:
    """The property P19: from humans to settlements."""
    labels = {"en": term("en", "place of birth"), "ru": term("ru", "место рождения")}
    descriptions = {"en": term("en", "where somebody was born"), "ru": term("ru", "где родился человек")}
    claims = {"P2302": [constraint("Q21503250", "Q5"), constraint("Q21510865", "Q486972"), constraint("Q19474404")]}
    return {
        "type": "property", "datatype": "wikibase-item", "id": BIRTHPLACE, "labels": labels,
        "descriptions": descriptions, "aliases": {"ru": [term("ru", "родился в")]}, "claims": claims,
    }  # fmt: skip


def constraint(kind: str, *classes: str) -> Entity:
    """A statement of P2302: its kind, and the classes that it allows as instances."""
    qualifiers = {"P2308": [snak("P2308", id) for id in classes], "P2309": [snak("P2309", "Q21503252")]}
    return {**claim("P2302", kind), **({"qualifiers": qualifiers} if classes else {})}


def term(lang: str, text: str) -> Entity:
    """A text in a language."""
    return {"language": lang, "value": text}


def claim(pid: str, id: str | None, rank: str = "normal") -> Entity:
    """A statement whose value is an item, or unknown."""
    return {"mainsnak": snak(pid, id), "type": "statement", "id": f"{pid}${id}", "rank": rank}


def snak(pid: str, id: str | None) -> Entity:
    """A property and the item that is its value, or that there is some value."""
    made: Entity = {"snaktype": "somevalue" if id is None else "value", "property": pid, "hash": pid * 8}
    if id is not None:
        value = {"entity-type": "item", "numeric-id": int(id[1:]), "id": id}
        made["datavalue"] = {"value": value, "type": "wikibase-entityid"}
    return {**made, "datatype": "wikibase-item"}


def json_line(entity: Entity) -> bytes:
    """An entity as the dump writes it, without comma and end of line."""
    return json.dumps(entity, separators=(",", ":")).encode()


def write_json(path: Path, lines: Sequence[bytes]) -> Path:
    """A dump of these lines, compressed as its name says."""
    content = b"[\n" + b",\n".join(lines) + b"\n]\n"
    return _write(path, content)


def write_truthy(path: Path, made: Sequence[Entity]) -> Path:
    """The truthy triples of entities, compressed as the name says."""
    return _write(path, b"".join(line for each in made for line in triples(each)))


def triples(made: Entity) -> Iterator[bytes]:
    """The truthy triples of an item or property; a lexeme has none."""
    if made["type"] == "lexeme":
        return
    page, subject = f"<https://www.wikidata.org/wiki/Special:EntityData/{made['id']}>", _iri(made["id"])
    yield f"{page} <http://schema.org/about> {subject} .\n".encode()
    if made["type"] == "property":
        ontology = "http://wikiba.se/ontology"
        yield f"{subject} <{ontology}#propertyType> <{ontology}#WikibaseItem> .\n".encode()
    predicates = {"labels": "www.w3.org/2000/01/rdf-schema#label", "descriptions": "schema.org/description"}
    texts = [(predicates[field], each) for field in predicates for each in dict(made[field]).values()]
    aliases = [each for several in dict(made["aliases"]).values() for each in several]
    for predicate, each in [*texts, *(("www.w3.org/2004/02/skos/core#altLabel", each) for each in aliases)]:
        yield f"{subject} <http://{predicate}> {_literal(each['value'])}@{each['language']} .\n".encode()
    for pid, statements in dict(made["claims"]).items():
        for each in _best(statements):
            yield f"{subject} <http://www.wikidata.org/prop/direct/{pid}> {_object(each['mainsnak'])} .\n".encode()


def _best(statements: Sequence[Entity]) -> list[Entity]:
    ranks = [each["rank"] for each in statements]
    best = "preferred" if "preferred" in ranks else "normal"
    return [each for each in statements if each["rank"] == best]


def _literal(text: str) -> str:
    """A literal with escapes, which unlike those of JSON never split a character."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(f"\\U{ord(c):08X}" if c > "\uffff" else f"\\u{ord(c):04X}" if c > "~" else c for c in quoted)


def _object(snak: Entity) -> str:
    value = snak.get("datavalue", {}).get("value", "")
    return _iri(value["id"]) if isinstance(value, dict) and "id" in value else '"literal"' if value else "_:genid1"


def _iri(id: str) -> str:
    return f"<http://www.wikidata.org/entity/{id}>"


def _statement(rng: Random, pid: str) -> Entity:
    """A statement like most: an item, a date or an identifier, some with qualifiers, most with a reference."""
    made = claim(pid, f"Q{rng.randrange(1, 10**8)}", rng.choice(("normal",) * 8 + ("preferred", "deprecated")))
    made["id"] = f"Q1${rng.getrandbits(128):032x}"
    if rng.random() < 0.3:
        made["mainsnak"] |= {
            "datavalue": {"value": f"{rng.getrandbits(64):x}", "type": "string"},
            "datatype": "external-id",
        }
    if rng.random() < 0.3:
        made |= {
            "qualifiers": {"P580": [_date(rng, "P580")], "P31": [snak("P31", "Q42")]},
            "qualifiers-order": ["P580"],
        }
    if rng.random() < 0.7:
        snaks = {"P248": [snak("P248", f"Q{rng.randrange(1, 10**8)}")], "P813": [_date(rng, "P813")]}
        made["references"] = [{"hash": f"{rng.getrandbits(160):040x}", "snaks": snaks, "snaks-order": ["P248", "P813"]}]
    return made


def _date(rng: Random, pid: str) -> Entity:
    value = {
        "time": f"+{rng.randrange(1500, 2026)}-00-00T00:00:00Z", "timezone": 0, "before": 0, "after": 0, "precision": 9,
        "calendarmodel": "http://www.wikidata.org/entity/Q1985727",
    }  # fmt: skip
    return {
        "snaktype": "value", "property": pid, "hash": f"{rng.getrandbits(160):040x}",
        "datavalue": {"value": value, "type": "time"}, "datatype": "time",
    }  # fmt: skip


def _described(rng: Random, langs: Sequence[str]) -> dict[str, str]:
    return {lang: f"{_name(rng, lang)} {_name(rng, lang)}".lower() for lang in langs if rng.random() < 0.7}


def _name(rng: Random, lang: str) -> str:
    letters = "абвгдеиклмнопрст" if lang in CYRILLIC else "abcdeilmnoprstuv"
    return " ".join("".join(rng.choices(letters, k=rng.randrange(4, 10))).capitalize() for _ in range(2))


def _write(path: Path, content: bytes) -> Path:
    pack = {".gz": lambda data: gzip.compress(data, 1, mtime=0), ".bz2": bz2.compress}.get(path.suffix)
    path.write_bytes(pack(content) if pack else content)
    return path
