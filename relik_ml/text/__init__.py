"""Text without models: sentences and tokens, lemmas, windows over long documents, and offsets.

Every offset is a code point of the document's text as stored.
"""

from relik_ml.text.coreference import named, same_link, same_referent
from relik_ml.text.language import with_language
from relik_ml.text.links import settle_links
from relik_ml.text.morph import Morphology
from relik_ml.text.nominative import Nominative
from relik_ml.text.offsets import Utf16
from relik_ml.text.subwords import SavedTokenizer
from relik_ml.text.tokens import MAX_PIECE, MAX_TOKEN, evidence, sentences, tokens
from relik_ml.text.windows import Fit, Part, cut, fill, fit, merge, windows

__all__ = [
    "MAX_PIECE", "MAX_TOKEN", "Fit", "Morphology", "Nominative", "Part", "SavedTokenizer", "Utf16", "cut", "evidence",
    "fill", "fit", "merge", "named", "same_link", "same_referent", "sentences", "settle_links", "tokens", "windows",
    "with_language",
]  # fmt: skip
