"""Closed IE through the joint encoder: a tiny mDeBERTa is trained on our twenty documents, without name features."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from relik_ml import Relik
from relik_ml.bundle import Settings
from relik_ml.config import HeadConfig
from relik_ml.encoders import TextEncoder, load_tokenizer
from relik_ml.index import PassageIndex, passage
from relik_ml.models import JointEncoder
from relik_ml.reader import JointInputs
from relik_ml.retriever import RetrieverConfig
from relik_ml.score import score
from relik_ml.text import windows
from relik_ml.training import Encoders, OptimizerConfig, assemble, inventory, learnt_names
from tests.checkpoints import save_mdeberta
from tests.corpus import ENTITIES, RELATIONS, TYPES, bare, documents, teach

pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")


def untrained(folder: Path, retriever: Path) -> Relik:
    """A tiny model over an index of names alone, which hold every gold entity, and all relations at every window."""
    entries, gold = [*ENTITIES, *RELATIONS], documents()
    texts = [*(document.text for document in gold), *map(passage, entries)]
    save_mdeberta(folder / "base", texts, 400, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config = RetrieverConfig(entities=16, dense=0, relations=len(RELATIONS))
    encoder = JointEncoder.from_pretrained(
        folder / "base", types=len(TYPES), entities=config.entities, relations=config.relations
    )
    settings = Settings(
        languages=("ru",), heads=HeadConfig(encoder.config.width, inner=64, dropout=0.0),
        inventory=inventory(TYPES, gold), joint=asdict(encoder.config), retriever=config, window=192, stride=192,
    )  # fmt: skip
    names = learnt_names(entries, gold, set())
    index = PassageIndex.build(entries, None, folder / "index", extra={"names": names.arrays()})
    inputs = JointInputs(load_tokenizer(folder / "base"), encoder.config, passage_length=8)
    encoders = Encoders(encoder, inputs, TextEncoder.from_pretrained(retriever))
    return assemble(settings, encoders, index)


def test_a_joint_model_learns_twenty_documents(checkpoints: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    gold, relik = documents(), untrained(tmp_path, checkpoints / "xlmr")
    assert score(gold, relik.annotate(map(bare, gold))).scores["ner"].f1 < 0.1
    views = [view for document in gold for view in windows(document, 192, 192)]
    teach(relik, relik.reader.encode.fit(relik.retriever(views)), OptimizerConfig(5e-3, 40), 120)
    found = score(gold, relik.annotate(map(bare, gold))).scores
    scores = {name: found[name].f1 for name in ("ner", "el.inkb", "re.document.boundaries", "cie.triples")}
    assert min(scores.values()) >= 0.95, scores
