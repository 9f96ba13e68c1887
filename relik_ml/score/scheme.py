"""What the scores must know of a corpus' labels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scheme:
    """The labels a corpus treats apart.

    ``linked``: the mention types that carry links, over which NIL is scored. ``aliases``: relations between two
    names of one thing, left out of the headline scores. ``unordered``: relations whose direction says nothing.
    """

    linked: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    unordered: frozenset[str] = frozenset()


NEREL = Scheme(
    linked=frozenset(
        {
            *("AWARD", "CITY", "COUNTRY", "DISTRICT", "FACILITY", "LANGUAGE", "LAW", "LOCATION", "NATIONALITY"),
            *("ORGANIZATION", "PERSON", "PRODUCT", "PROFESSION", "RELIGION", "STATE_OR_PROVINCE", "WORK_OF_ART"),
        }
    ),
    aliases=frozenset({"ABBREVIATION", "ALTERNATIVE_NAME"}),
    unordered=frozenset({"ALTERNATIVE_NAME", "KNOWS", "RELATIVE", "SIBLING", "SPOUSE"}),
)
