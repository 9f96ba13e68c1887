"""DeBERTa's attention by distance against transformers' own, which gathers."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from relik_ml.models import BiEncoder

transformers: Any = pytest.importorskip("transformers", reason="needs the extra relik-ml[train]")


def pair(shared: bool = True, kinds: str = "c2p|p2c", buckets: int = 16) -> tuple[Any, Any]:
    """A tiny DeBERTa as transformers runs it, and the same one as we do."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "num_attention_heads": 3, "intermediate_size": 40, "num_hidden_layers": 2}
    relative = {"relative_attention": True, "position_buckets": buckets, "norm_rel_ebd": "layer_norm"}
    config = transformers.DebertaV2Config(
        vocab_size=50, share_att_key=shared, pos_att_type=kinds.split("|"), max_position_embeddings=64,
        position_biased_input=False, type_vocab_size=0, initializer_range=0.3, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, **sizes, **relative,
    )  # fmt: skip
    eager = transformers.DebertaV2Model(config).eval()
    return eager, BiEncoder(copy.deepcopy(eager)).encoder


def states(encoder: Any, length: int = 40, padding: int = 0) -> Tensor:
    ids = torch.arange(2 * length).view(2, length) % 50
    mask = torch.ones(2, length, dtype=torch.long)
    mask[0, length - padding :] = 0
    found: Tensor = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    return found


@pytest.mark.parametrize(("length", "padding"), [(1, 0), (2, 1), (31, 4), (32, 0), (33, 9), (64, 20), (150, 3)])
@pytest.mark.parametrize("shared", [True, False])
def test_states_are_those_of_transformers(length: int, padding: int, shared: bool) -> None:
    eager, fast = pair(shared)
    with torch.inference_mode():
        for _ in range(2):  # the second time the projected positions are known
            assert torch.allclose(states(fast, length, padding), states(eager, length, padding), atol=1e-5)


@pytest.mark.parametrize("settings", [{"kinds": "c2p"}, {"buckets": -1}])
def test_other_settings_give_the_same_states(settings: dict[str, Any]) -> None:
    eager, fast = pair(**settings)
    with torch.no_grad():
        assert torch.allclose(states(fast), states(eager), atol=1e-5)


def test_gradients_are_those_of_transformers() -> None:
    eager, fast = pair()
    for encoder in (eager, fast):
        states(encoder.train(), padding=5)[1].square().sum().backward()
    for one, other in zip(eager.parameters(), fast.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad) if one.grad is not None else other.grad is None


def test_changed_weights_are_used_at_once() -> None:
    eager, fast = pair()
    with torch.inference_mode():
        states(fast)
    with torch.no_grad():
        for encoder in (eager, fast):
            encoder.encoder.layer[1].attention.self.key_proj.weight.mul_(1.5)
            encoder.encoder.rel_embeddings.weight.add_(0.1 * torch.arange(48))
        assert torch.allclose(states(fast), states(eager), atol=1e-5)
    other, _ = pair()
    fast.load_state_dict(other.state_dict())
    with torch.inference_mode():
        assert torch.allclose(states(fast), states(other), atol=1e-5)
        assert torch.equal(states(copy.deepcopy(fast)), states(fast))


def test_attention_scores_can_still_be_asked_for() -> None:
    eager, fast = pair()
    inputs = {"input_ids": torch.arange(9)[None], "output_attentions": True}
    with torch.inference_mode():
        assert torch.allclose(fast(**inputs).attentions[1], eager(**inputs).attentions[1], atol=1e-6)
