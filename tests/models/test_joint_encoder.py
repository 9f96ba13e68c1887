"""The joint encoder over tiny checkpoints of four architectures: states, symbols, limits, loading without a base."""

import json
import shutil
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from relik_ml.errors import ModelError
from relik_ml.models import JointEncoder
from relik_ml.network import NameHits, ReaderBatch

transformers = pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")

SIZES: dict[str, Any] = {"types": 4, "entities": 5, "relations": 3}
NAMES = ("mdeberta", "xlmr", "e5-small", "modernbert", "mmbert")
ALL = pytest.mark.parametrize("name", NAMES)


def batch_of(encoder: JointEncoder, lengths: tuple[int, ...], padding: int) -> ReaderBatch[Tensor]:
    """Sequences of ordinary ids with <ST_0> at place 4 and one relation symbol at place 6; words at 1 and 2."""
    ids = torch.full((len(lengths), max(lengths)), padding)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.arange(10, 10 + length)
        ids[row, 4], ids[row, 6] = encoder.config.first_symbol, encoder.config.first_symbol + 6
    places = {"words": [1, 2], "entities": [4], "relations": [6]}
    inputs = {name: torch.tensor([place] * len(lengths)) for name, place in places.items()}
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    some = torch.ones(len(lengths), 2, dtype=torch.bool)
    none = torch.zeros(0, dtype=torch.long)
    hits = NameHits(none, none, none, none, torch.zeros(0, 0))
    return ReaderBatch({"input_ids": ids, "attention_mask": mask, **inputs}, some, some[:, :1], some[:, :1], hits)


def padding_of(encoder: JointEncoder) -> int:
    return int(encoder.config.base["pad_token_id"])


def load(folder: Path, **sizes: Any) -> JointEncoder:
    torch.manual_seed(1)
    return JointEncoder.from_pretrained(folder, **(SIZES | sizes)).eval()


@ALL
def test_states_are_those_of_the_given_positions(checkpoints: Path, name: str) -> None:
    encoder = load(checkpoints / name)
    batch = batch_of(encoder, (9, 12), padding_of(encoder))
    states = encoder(batch)
    plain = encoder.encoder(
        input_ids=batch.inputs["input_ids"], attention_mask=batch.inputs["attention_mask"]
    ).last_hidden_state
    assert torch.equal(states.tokens, plain[:, 1:3])
    assert torch.equal(states.entities, plain[:, 4:5])
    assert torch.equal(states.relations, plain[:, 6:7])
    assert states.types.shape == (SIZES["types"], 64)


@ALL
def test_padding_changes_nothing(checkpoints: Path, name: str) -> None:
    encoder = load(checkpoints / name)
    together = encoder(batch_of(encoder, (9, 40), padding_of(encoder)))
    alone = encoder(batch_of(encoder, (9,), padding_of(encoder)))
    for field in ("tokens", "entities", "relations"):
        assert torch.allclose(getattr(together, field)[:1], getattr(alone, field), atol=1e-4)


@ALL
def test_symbols_are_new_and_other_weights_are_kept(checkpoints: Path, name: str) -> None:
    encoder = load(checkpoints / name)
    model = transformers.AutoModel.from_pretrained(checkpoints / name)
    base, own = model.state_dict(), encoder.encoder.state_dict()
    whole: Any = encoder.encoder
    old, new = model.get_input_embeddings().weight, whole.get_input_embeddings().weight
    assert encoder.config.first_symbol == len(old)
    assert len(new) == len(old) + 1 + 5 + 3
    assert torch.equal(new[: len(old)], old)
    symbols = new[len(old) :]
    assert torch.pdist(symbols).min() > 0.5 * torch.pdist(old[5:]).mean()
    assert symbols.norm(dim=1).max() < 2 * old.norm(dim=1).max()
    for key in base:
        assert key.startswith("pooler.") or own[key].shape != base[key].shape or torch.equal(own[key], base[key])
    assert sum(own[key].shape != base[key].shape for key in own) == 1


@ALL
def test_rebuilt_from_its_configuration_without_base_or_network(
    checkpoints: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "base"
    shutil.copytree(checkpoints / name, base)
    encoder = load(base)
    batch = batch_of(encoder, (9, 12), padding_of(encoder))
    written = json.dumps(asdict(encoder.config))
    shutil.rmtree(base)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("no network is needed"))
    again = JointEncoder.from_config(json.loads(written))
    assert not torch.allclose(again(batch).tokens, encoder(batch).tokens, atol=1e-3)
    again.load_state_dict(encoder.state_dict(), strict=True)
    for one, other in zip(again(batch), encoder(batch), strict=True):
        assert torch.equal(one, other)
    assert again.config == encoder.config
    assert str(base) not in written


@ALL
def test_every_parameter_learns(checkpoints: Path, name: str) -> None:
    """One without a gradient, such as a pooler's, is an error under distributed training."""
    encoder = load(checkpoints / name)
    states = encoder(batch_of(encoder, (9, 12), padding_of(encoder)))
    sum(state.pow(3).sum() for state in states).backward()
    assert [key for key, parameter in encoder.named_parameters() if parameter.grad is None] == []


def test_the_limit_is_the_architectures_own(checkpoints: Path) -> None:
    assert load(checkpoints / "mdeberta").config.max_length == 1024  # its configuration says 512, distances go on
    xlmr = load(checkpoints / "xlmr")
    assert xlmr.config.max_length == 512  # of 514 rows, for it counts from 2
    others = [load(checkpoints / name) for name in ("e5-small", "modernbert", "mmbert")]
    assert {other.config.max_length for other in others} == {512}
    for encoder in (load(checkpoints / "mdeberta"), xlmr, *others):
        batch = batch_of(encoder, (encoder.config.max_length,), padding_of(encoder))
        batch.inputs["input_ids"][0, 10:] = 10
        assert encoder(batch).tokens.isfinite().all()


@pytest.mark.parametrize(
    "config", [{}, {"base": {"model_type": "no-such"}, **SIZES, "first_symbol": 1, "max_length": 8}]
)
def test_a_damaged_configuration_is_a_model_error(config: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="encoder"):
        JointEncoder.from_config(config)
