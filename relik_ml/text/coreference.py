"""Which mentions of a document stand for one thing, as far as links tell."""

from __future__ import annotations

from collections.abc import Iterable

from relik_ml.types import Entity, Mention


def same_link(mentions: Iterable[Mention]) -> tuple[Entity, ...]:
    """An entity for every id that at least two mentions are linked to."""
    same: dict[str, list[str]] = {}
    for mention in mentions:
        if mention.link.id:
            same.setdefault(mention.link.id, []).append(mention.id)
    groups = [tuple(ids) for ids in same.values() if len(ids) > 1]
    return tuple(Entity(f"E{number}", ids, "same-link") for number, ids in enumerate(groups, 1))
