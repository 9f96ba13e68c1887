"""RED-FM: facts in paragraphs of seven Wikipedias that people have looked over; Russian is only in SRED-FM."""

from __future__ import annotations

from relik_ml.types import Annotated

from ._redfm import Redfm

# People judged the facts that were found, not whether all were found; mentions and links were not looked over.
converter = Redfm(
    name="redfm",
    languages=("ar", "de", "en", "es", "fr", "it", "zh"),
    lang="en",
    annotated=Annotated(mentions="silver", types="silver", links="silver", entities="none", triples="partial"),
    elsewhere="; others, Russian among them, are in sredfm",
)
