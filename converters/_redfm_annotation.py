"""Mentions and triples of one (S)RED-FM record; defects are counted."""

from __future__ import annotations

from collections.abc import Mapping

from relik_ml.data import Report
from relik_ml.errors import ConfigError, DataError
from relik_ml.text import evidence, sentences
from relik_ml.types import Link, Mention, Property, Triple

from ._literals import is_literal, read_literal
from ._redfm_records import RAW, Entity, Record, Relation
from ._wikipedia import PROPERTY, link


def annotation(
    record: Record, lang: str, min_confidence: float, properties: Mapping[str, str], report: Report
) -> tuple[tuple[Mention, ...], tuple[Triple, ...]]:
    """The valid mentions of a record, including arguments that only relations state, and its unique triples.

    Left out are relations with a confidence of at most ``min_confidence``, and relations outside ``properties``
    (id → name) unless that is empty. ConfigError when a relation has a name instead of an id and ``properties`` is
    empty.
    """
    report.count("entities", len(record.entities))
    report.count("relations", len(record.relations))
    report.count("relations looked up in relations.tsv", len(record.relations) if properties else 0)
    stated = [r for r in record.relations if _sure(r, min_confidence, report)]
    named = [(r, id) for r in stated if (id := _property(r.predicate, record, properties, report))]
    found = _mentions(record, [r for r, _ in named], lang, report)
    return tuple(found.values()), _triples(record, named, found, report)


def _sure(relation: Relation, min_confidence: float, report: Report) -> bool:
    if sure := relation.score is None or relation.score > min_confidence:
        return sure
    report.count(f"relations of confidence up to {min_confidence}: left out")
    return False


def _property(predicate: str, record: Record, properties: Mapping[str, str], report: Report) -> str | None:
    """The id of a property, which is given by name in the Hub layout. None when there is none in the table."""
    where = record.where
    if PROPERTY.fullmatch(predicate):
        if not properties or predicate in properties:
            return predicate
    elif record.layout == RAW:
        report.defect("relation that is no property: dropped", "relations", where, repr(predicate))
        return None
    elif not properties:
        fix = "put relations.tsv of the publication (property id, tab, name) into the --source folder"
        raise ConfigError("relations have names but no property ids", where=where, got=repr(predicate), fix=fix)
    elif ids := [id for id, name in properties.items() if name == predicate]:
        if len(ids) == 1:
            return ids[0]
        fix = f"leave only one of {', '.join(ids)} in relations.tsv, or use the raw layout, which has ids"
        raise DataError("a name of two properties", where=where, got=repr(predicate), fix=fix)
    report.defect("relation outside relations.tsv: dropped", "relations", where, repr(predicate))
    return None


def _mentions(record: Record, relations: list[Relation], lang: str, report: Report) -> dict[Entity, Mention]:
    """The mentions of valid entities, then those of arguments that are missing in ``entities``."""
    found: dict[Entity, Mention] = {}
    for entity in record.entities:
        if entity in found:
            report.defect("entity listed twice: one kept", "entities", record.where, _shown(entity))
        elif _is_valid(entity, record, report):
            found[entity] = _mention(f"T{len(found) + 1}", entity, record, lang, report)
    listed = set(record.entities)
    for entity in (argument for r in relations for argument in (r.subject, r.object) if argument):
        if entity in listed:
            continue
        listed.add(entity)
        if _is_valid(entity, record, report):
            report.defect("argument not among the entities: added", "relations", record.where, _shown(entity))
            found[entity] = _mention(f"T{len(found) + 1}", entity, record, lang, report)
    return found


def _is_valid(entity: Entity, record: Record, report: Report) -> bool:
    inside = 0 <= entity.start < entity.stop <= len(record.text)
    if inside and entity.type and record.text[entity.start : entity.stop] == entity.surface:
        return True
    what = "entity without a type: dropped" if not entity.type else "entity whose surface is not in the text: dropped"
    report.defect(what, "entities", record.where, _shown(entity))
    return False


def _shown(entity: Entity) -> str:
    return f"{entity.surface!r} [{entity.start}, {entity.stop})"


def _mention(id: str, entity: Entity, record: Record, lang: str, report: Report) -> Mention:
    uri, surface, type, start, stop = entity
    if is_literal(uri):
        value, repair = read_literal(uri, surface, lang, record.text[max(0, start - 1) : start])
        if repair:
            report.defect(repair, "entities", record.where, f"{surface!r} {uri!r}")
        return Mention(id, start, stop, type, link=Link("unlinkable"), value=value)
    if (known := link(uri)) is None:
        report.defect("link to no item: dropped", "entities", record.where, f"{surface!r} {uri!r}")
    return Mention(id, start, stop, type, link=known or Link())


def _triples(
    record: Record, relations: list[tuple[Relation, str]], found: Mapping[Entity, Mention], report: Report
) -> tuple[Triple, ...]:
    """The unique triples of kept mentions, each with the sentences of its arguments."""
    spoken = list(sentences(record.text)) if relations else []
    kept: dict[tuple[str, str, str], Triple] = {}
    for relation, property in relations:
        subject, object = (found.get(entity) if entity else None for entity in (relation.subject, relation.object))
        if subject is None or object is None:
            report.defect("relation of a mention that is not there: dropped", "relations", record.where, property)
        elif (key := (subject.id, property, object.id)) in kept:
            report.defect("duplicate triple: dropped", "relations", record.where, " ".join(key))
        else:
            said = evidence(spoken, [subject.span, object.span])
            kept[key] = Triple(subject.id, property, object.id, Property(property), said, relation.score)
    return tuple(kept.values())
