"""SRED-FM: facts in paragraphs of eighteen Wikipedias, Russian among them, found and filtered by machines."""

from __future__ import annotations

from relik_ml.types import Annotated

from ._redfm import Redfm
from ._wikipedia import LANGUAGES

converter = Redfm(
    name="sredfm",
    languages=LANGUAGES,
    lang="ru",
    annotated=Annotated(mentions="silver", types="silver", links="silver", entities="none", triples="silver"),
)
