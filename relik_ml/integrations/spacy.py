"""spaCy: ``nlp.add_pipe("relik_ml")`` annotates every Doc with mentions, Wikidata links and facts.

::

    nlp = spacy.blank("ru")
    nlp.add_pipe("relik_ml")
    doc = nlp("Анна Ахматова родилась в Одессе.")
    [(span.text, span.label_, span.kb_id_) for span in doc.spans["relik"]]
    [(fact.subject.text, fact.relation, fact.object.text) for fact in doc._.triples]
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from multiprocessing import parent_process

import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from relik_ml.export.docbin import annotated, register
from relik_ml.pipeline import Relik
from relik_ml.types import Document

DEFAULTS = {"model": None, "lang": "ru", "min_score": 0.0}

register()


class Component:
    """Annotates Docs in batches. ``losses`` counts mentions that start or end inside a token."""

    def __init__(self, model: str | None, lang: str, min_score: float) -> None:
        self.model, self.lang, self.min_score = model, lang, min_score
        self.losses: Counter[str] = Counter()

    @cached_property
    def relik(self) -> Relik:
        """The model, loaded for the first Doc. You may assign another one."""
        return Relik.from_pretrained(self.model)

    def __call__(self, doc: Doc) -> Doc:
        """Annotate a Doc."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Annotate Docs in order, ``batch_size`` at a time."""
        if parent_process() is not None:
            torch.set_num_threads(1)  # nlp.pipe forked: the thread pool of torch does not exist here
        for docs in minibatch(stream, size=batch_size):  # type: ignore[no-untyped-call]
            texts = [Document(f"doc-{number}", doc.text, self.lang) for number, doc in enumerate(docs)]
            for doc, found in zip(docs, self.relik.annotate(texts, min_score=self.min_score), strict=True):
                yield annotated(doc, found, self.losses)


@Language.factory("relik_ml", assigns=["doc.spans", "doc._.triples"], default_config=DEFAULTS)
def component(nlp: Language, name: str, model: str | None, lang: str, min_score: float) -> Component:
    """Factory of ``nlp.add_pipe("relik_ml", config={"model": …, "lang": …, "min_score": …})``.

    ``model`` is a model folder; None is the embedded model.
    """
    return Component(model, lang, min_score)
