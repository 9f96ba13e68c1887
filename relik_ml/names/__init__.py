"""Names that stand in a text, in any inflection or spelling: which entries of an index they may mean, and how surely.

A name is a key, the hash of its stems (``stems``, ``keys``); ``table`` keeps the keys, ``spans`` says which keys a run
of words may stand for, and ``index`` puts the two together and ranks what it finds (``fusion``). The other modules are
ways to find a name that is not written as the index has it, each a page of rules or a list of our own.
"""

from __future__ import annotations

from relik_ml.names.index import FEATURES, HUMAN, NOBODY, NOTHING, Learnt, Matches, NameIndex
from relik_ml.names.keys import surface_keys

__all__ = [
    "FEATURES",
    "HUMAN",
    "NOBODY",
    "NOTHING",
    "Learnt",
    "Matches",
    "NameIndex",
    "surface_keys",
]
