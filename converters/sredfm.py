"""SRED-FM: automatically extracted and filtered facts in paragraphs of eighteen Wikipedias, including Russian."""

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
