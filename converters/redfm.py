"""RED-FM: human-verified facts in paragraphs of seven Wikipedias; only SRED-FM has Russian."""

from __future__ import annotations

from relik_ml.types import Annotated

from ._redfm import Redfm

# People verified the extracted facts, but not their completeness, and not the mentions and links.
converter = Redfm(
    name="redfm",
    languages=("ar", "de", "en", "es", "fr", "it", "zh"),
    lang="en",
    annotated=Annotated(mentions="silver", types="silver", links="silver", entities="none", triples="partial"),
    elsewhere="; others, Russian among them, are in sredfm",
)
