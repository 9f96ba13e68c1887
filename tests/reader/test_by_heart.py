"""Closed IE through the joint encoder: mentions, links and relations it was shown it says again, by ``score``.

mDeBERTa's architecture, tiny, reads window and passages in one sequence. No features of names help the links:
``hit_features`` is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import torch

from relik_ml import Relik
from relik_ml.bundle import Encoders, Settings, assemble
from relik_ml.data import Report
from relik_ml.index import PassageIndex, passage
from relik_ml.models import HeadConfig, JointEncoder
from relik_ml.plugins import load_converter, load_index
from relik_ml.reader import JointInputs
from relik_ml.retriever import RetrieverConfig, TextEncoder, load_tokenizer
from relik_ml.score import score
from relik_ml.text import windows
from relik_ml.training import Optimisation
from relik_ml.training.candidates import learnt_names
from relik_ml.training.knowledge import annotated_entries, inventory
from relik_ml.types import Document, Entry
from tests.checkpoints import save_mdeberta
from tests.corpus import ENTITIES, RELATIONS, TYPES, bare, documents, teach

pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")


@dataclass(frozen=True)
class Lesson:
    """What is to be learnt, and how long its passages are read."""

    documents: Sequence[Document]
    types: Sequence[Entry]
    entities: Sequence[Entry]
    relations: Sequence[Entry]
    pieces: int
    passage_length: int


def untaught(lesson: Lesson, folder: Path, questions: Path) -> Relik:
    """A tiny model over an index of names alone, which hold every gold entity, and all relations at every window."""
    texts = [*(document.text for document in lesson.documents), *map(passage, (*lesson.entities, *lesson.relations))]
    base, candidates = folder / "base", RetrieverConfig(entities=16, dense=0, relations=len(lesson.relations))
    save_mdeberta(base, texts, lesson.pieces, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    encoder = JointEncoder.from_pretrained(
        base, types=len(lesson.types), entities=candidates.entities, relations=candidates.relations
    )
    settings = Settings(
        languages=("ru",),
        heads=HeadConfig(encoder.config.width, inner=64, dropout=0.0),
        inventory=inventory(lesson.types, lesson.documents),
        joint=asdict(encoder.config),
        retriever=candidates,
        window=192,
        stride=192,
    )
    entries = [*lesson.entities, *lesson.relations]
    names = learnt_names(entries, lesson.documents, set())
    index = PassageIndex.build(entries, None, folder / "index", extra={"names": names.arrays()})
    inputs = JointInputs(load_tokenizer(base), encoder.config, lesson.passage_length)
    encoders = Encoders(encoder, inputs, TextEncoder.from_pretrained(questions))
    return Relik(*assemble(settings, encoders, index), settings)


def learnt(lesson: Lesson, relik: Relik, plan: Optimisation, tokens: int) -> dict[str, float]:
    """F1 of what is said of the documents after the lesson."""
    views = [view for document in lesson.documents for view in windows(document, 192, 192)]
    teach(relik.reader, relik.reader.encode.fit(relik.retriever(views)), plan, tokens)
    found = score(lesson.documents, relik.annotate(map(bare, lesson.documents)))
    return {name: found.scores[name].f1 for name in ("ner", "el.inkb", "re.document.boundaries", "cie.triples")}


def test_our_twenty_documents(checkpoints: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    lesson = Lesson(documents(), TYPES, ENTITIES, RELATIONS, pieces=400, passage_length=8)
    relik = untaught(lesson, tmp_path, checkpoints / "xlmr")
    before = score(lesson.documents, relik.annotate(map(bare, lesson.documents)))
    assert before.scores["ner"].f1 < 0.1
    scores = learnt(lesson, relik, Optimisation(5e-3, 40), 120)
    assert min(scores.values()) >= 0.95, scores


@pytest.mark.slow
def test_fifty_documents_of_nerel(shared_data: Path, checkpoints: Path, tmp_path: Path) -> None:
    """The fifty shortest of train, a window each: 46 relations and 383 entities are in them. A minute on one core."""
    torch.manual_seed(0)
    read = load_converter("nerel").read(shared_data / "nerel", "train", Report())
    shortest = sorted(read, key=lambda document: (len(document.text), document.id))[:50]
    types, relations = (list(load_index(f"nerel_{kind}").entries()) for kind in ("types", "relations"))
    entities = annotated_entries(shortest, set(), {entry.id: entry for entry in types})
    lesson = Lesson(shortest, types, entities, relations, pieces=3000, passage_length=2)
    scores = learnt(lesson, untaught(lesson, tmp_path, checkpoints / "xlmr"), Optimisation(3e-3, 25), 600)
    assert min(scores.values()) >= 0.95, scores
