"""spaCy: the pipe that the entry point names, the offsets of its spans, and the DocBin."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.types import Document, Link, Mention, Property, Span, Triple, Value

spacy = pytest.importorskip("spacy")

from relik_ml.export import EXPORTERS  # noqa: E402  (spaCy must be there first)

TEXT = "👩\u200d🚀 Анна  Ахматова родилась\nв Одессе. Поэт 1889 г.р. жила в Киеве."
ANNA = Mention("T1", 4, 18, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова", score=0.75), score=0.5)
CITY = Mention("T2", 30, 36, "CITY", link=Link("nil"))
YEAR = Mention("T3", 43, 47, "DATE", link=Link("unlinkable"), value=Value("date", "1889", "1889"))
BORN = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(4, 37),), 0.25)
DOCUMENT = Document("d", TEXT, mentions=(ANNA, CITY, YEAR), triples=(BORN,))


class Fake:
    """Answers the text of a document with this document, and remembers how many texts came together."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.found = DOCUMENT

    def annotate(self, documents: Iterable[Document], *, min_score: float = 0.0) -> Iterator[Document]:
        documents = list(documents)
        self.batches.append(len(documents))
        for document in documents:
            fits = document.text == self.found.text
            yield replace(self.found, id=document.id) if fits else replace(document, mentions=())


@pytest.fixture
def nlp() -> Any:
    """A blank pipeline whose model is the fake."""
    nlp = spacy.blank("ru")
    nlp.add_pipe("relik_ml").relik = Fake()
    return nlp


def test_spans_and_facts(nlp: Any) -> None:
    doc = nlp(TEXT)
    assert doc.text == TEXT
    spans = doc.spans["relik"]
    assert [(span.text, span.label_, span.kb_id_, span.id_) for span in spans] == [
        ("Анна  Ахматова", "PERSON", "Q80440", "T1"), ("Одессе", "CITY", "", "T2"), ("1889", "DATE", "", "T3"),
    ]  # fmt: skip
    assert [(span.start_char, span.end_char) for span in spans] == [(4, 18), (30, 36), (43, 47)]
    (fact,) = doc._.triples
    assert (fact.subject.text, fact.relation, fact.object.text) == ("Анна  Ахматова", "PLACE_OF_BIRTH", "Одессе")
    assert (fact.property, fact.inverse, fact.score) == ("P19", False, 0.25)
    assert [span.text for span in fact.evidence] == [TEXT[4:37]]
    assert spans.attrs["status"] == ["linked", "nil", "unlinkable"]
    assert nlp.get_pipe("relik_ml").losses.total() == 0


def test_a_stream_is_read_in_batches_and_stays_in_order(nlp: Any) -> None:
    texts = ["", TEXT, "Без упоминаний."] * 4
    docs = list(nlp.pipe(texts, batch_size=5))
    assert [doc.text for doc in docs] == texts
    assert [len(doc.spans["relik"]) for doc in docs] == [0, 3, 0] * 4
    assert nlp.get_pipe("relik_ml").relik.batches == [5, 5, 2]


@pytest.mark.slow
def test_several_processes_read_a_stream() -> None:
    script = """import spacy
nlp = spacy.blank("ru")
nlp.add_pipe("relik_ml")
nlp("Одесса.")  # the model is loaded and used before the workers are made
docs = list(nlp.pipe(["Анна Ахматова родилась в Одессе."] * 3, n_process=2))
assert all(fact.subject.text for doc in docs for fact in doc._.triples) and docs[2].spans["relik"]"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_mention_inside_a_token_is_moved_and_counted(nlp: Any) -> None:
    doc = spacy.tokens.Doc(nlp.vocab, words=["экс-Москва"], spaces=[False])
    nlp.get_pipe("relik_ml").relik.found = Document("d", doc.text, mentions=(Mention("T1", 4, 10, "CITY"),))
    assert [span.text for span in nlp(doc).spans["relik"]] == ["экс-Москва"]
    assert nlp.get_pipe("relik_ml").losses.total() == 1


def test_a_doc_and_a_config_are_stored(nlp: Any, tmp_path: Path) -> None:
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(nlp(TEXT).to_bytes())
    assert [fact.object.text for fact in again._.triples] == ["Одессе"]
    nlp.to_disk(tmp_path / "nlp")
    assert spacy.load(tmp_path / "nlp").get_pipe("relik_ml").lang == "ru"


def test_a_docbin_cuts_tokens_and_moves_nothing(tmp_path: Path) -> None:
    inside = Mention("T4", 31, 33, "X")
    document = replace(DOCUMENT, mentions=(*DOCUMENT.mentions, inside, Mention("T5", 36, 38, "Y")))
    documents = [document, Document("пустой", ""), Document("пробелы", " \n ")]
    counts = EXPORTERS["spacy"].write(documents, tmp_path / "out.spacy")
    one, empty, blank = spacy.tokens.DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.vocab.Vocab())
    assert (one.text, empty.text, blank.text) == (TEXT, "", " \n ")
    assert [span.text for span in one.spans["relik"]] == ["Анна  Ахматова", "Одессе", "1889", "де", ". "]
    assert [sent.text.strip() for sent in one.sents] == [
        "👩\u200d🚀 Анна  Ахматова родилась", "в Одессе.", "Поэт 1889 г.р. жила в Киеве.",
    ]  # fmt: skip
    assert not [what for what in counts if "moved" in what]


def test_the_embedded_model_in_a_pipe() -> None:
    nlp = spacy.blank("ru")
    nlp.add_pipe("relik_ml", config={"min_score": 0.5})
    (doc,) = nlp.pipe(["Анна Ахматова родилась в Одессе."])
    assert ("Анна Ахматова", "PERSON", "Q80440") in [(s.text, s.label_, s.kb_id_) for s in doc.spans["relik"]]
    assert ("Анна Ахматова", "PLACE_OF_BIRTH") in [(fact.subject.text, fact.relation) for fact in doc._.triples]
