"""Finds entries of an index by their names in a text, in any inflection or spelling, and ranks them.

``forms`` reduces words to what is compared and ``keys`` hashes it; ``name_table`` keeps the keys, ``runs`` says which
keys a run of words may stand for, and ``name_index`` puts the two together and ranks what it finds.
"""

from relik_ml.names.forms import sound, spellings, stem, words_of
from relik_ml.names.initials import is_initial
from relik_ml.names.keys import derived_keys, sound_key, surface_keys
from relik_ml.names.name_index import FEATURES, NOTHING, Found, Matches, NameIndex
from relik_ml.names.name_table import HUMAN, NIL_ROW, Learnt, NameTable

__all__ = [
    "FEATURES", "HUMAN", "NIL_ROW", "NOTHING", "Found", "Learnt", "Matches", "NameIndex", "NameTable", "derived_keys",
    "is_initial", "sound", "sound_key", "spellings", "stem", "surface_keys", "words_of",
]  # fmt: skip
