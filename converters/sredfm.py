"""SRED-FM: facts in paragraphs of eighteen Wikipedias, Russian among them, found and filtered by machines."""

from __future__ import annotations

from relik_ml.types import Annotated

from ._redfm import Redfm

LANGUAGES = "ar ca de el en es fr hi it ja ko nl pl pt ru sv vi zh"
converter = Redfm(
    name="sredfm",
    languages=tuple(LANGUAGES.split()),
    lang="ru",
    annotated=Annotated(mentions="silver", types="silver", links="silver", entities="none", triples="silver"),
)
