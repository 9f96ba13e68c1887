"""The bi-encoder against a slow reference, and its loss against a loop written from the paper."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relik_ml.errors import ModelError
from relik_ml.models import BiEncoder, multi_label_nce
from tests.models.slow_xlmr import PAD, random_xlmr, slow

transformers = pytest.importorskip("transformers", reason="the transformer encoder needs the extra relik-ml[train]")


def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    width = max(map(len, texts))
    ids = torch.tensor([text + [PAD] * (width - len(text)) for text in texts])
    return ids, (ids != PAD).long()


TEXTS = [[0, 7, 9, 30, 2], [0, 2], [0, 5, 5, 5, 5, 8, 12, 2]]


def test_pooling_and_position_ids_agree_with_the_slow_reference() -> None:
    model = random_xlmr()
    with torch.inference_mode():
        fast = BiEncoder(model)(*padded(TEXTS))
    expected = torch.stack([slow(model.state_dict(), text, heads=2) for text in TEXTS])
    assert fast.shape == (3, 16)
    assert torch.allclose(fast.double(), expected, atol=1e-5)


@pytest.mark.usefixtures("no_network")
def test_saved_and_loaded_without_a_network(tmp_path: Path) -> None:
    model = BiEncoder(random_xlmr())
    model.save_pretrained(tmp_path)
    again = BiEncoder.from_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    assert again.dimension == 16
    assert not again.training
    with torch.inference_mode():
        assert torch.equal(model(*padded(TEXTS)), again(*padded(TEXTS)))


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:500])


def drop_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(random_xlmr().state_dict(), folder / "pytorch_model.bin")


@pytest.mark.parametrize(("damage", "said"), [
    (shutil.rmtree, "no such encoder folder"), (cut_weights, "cannot load"),
    (drop_tensor, "encoder.layer.1.output.dense.weight"), (pickle_weights, "cannot load"),
])  # fmt: skip
def test_bad_folders_are_model_errors(tmp_path: Path, damage: Callable[[Path], None], said: str) -> None:
    """Missing tensors are not made up, and a pickle is never loaded."""
    BiEncoder(random_xlmr()).save_pretrained(tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(ModelError) as error:
        BiEncoder.from_pretrained(tmp_path / "model")
    assert said in str(error.value)
    assert str(tmp_path / "model") in error.value.where
    assert error.value.fix


def test_code_of_a_model_is_never_run(tmp_path: Path) -> None:
    BiEncoder(random_xlmr()).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ModelError):
        BiEncoder.from_pretrained(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_name_of_the_hub_without_a_network_is_a_model_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="cannot load") as error:
        BiEncoder.from_pretrained("relik-ml-tests/no-such-model")
    assert "online" in error.value.fix


# The loss


def slow_nce(
    query: Tensor, passage: Tensor, positive: Tensor, ignored: Tensor, temperature: float, mean: bool
) -> Tensor:
    rows = []
    for b in range(len(query)):
        scores = [torch.dot(query[b], passage[p]) / temperature for p in range(len(passage))]
        gold = [p for p in range(len(passage)) if positive[b, p]]
        noise = [torch.exp(scores[p]) for p in range(len(passage)) if not positive[b, p] and not ignored[b, p]]
        terms = [-torch.log(torch.exp(scores[p]) / (torch.exp(scores[p]) + sum(noise))) for p in gold]
        if terms:
            rows.append(torch.stack(terms).mean() if mean else torch.stack(terms).sum())
    return torch.stack(rows).mean() if rows else query.sum() * 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 7), st.sampled_from([0.1, 0.5, 1.0]), st.booleans())
def test_the_loss_equals_a_slow_loop(seed: int, queries: int, passages: int, temperature: float, mean: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    query, passage = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (queries, passages))
    positive, ignored = (torch.rand(queries, passages, generator=generator) < share for share in (0.4, 0.3))
    fast = multi_label_nce(query, passage, positive, temperature, ignored, "mean" if mean else "sum")
    expected = slow_nce(query, passage, positive, ignored, temperature, mean)
    assert torch.allclose(fast, expected, rtol=1e-9, atol=1e-12)
    none = torch.zeros_like(ignored)
    assert torch.equal(multi_label_nce(query, passage, positive), multi_label_nce(query, passage, positive, 0.05, none))


def test_gradients_of_the_loss() -> None:
    torch.manual_seed(1)
    query = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    passage = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    positive = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda q, p: multi_label_nce(q, p, positive, 0.5), (query, passage))


@pytest.mark.parametrize("value", [False, True])
def test_rows_with_nothing_to_learn_have_loss_and_gradient_zero(value: bool) -> None:
    query = torch.randn(2, 3, requires_grad=True)
    loss = multi_label_nce(query, torch.randn(4, 3) * 100, torch.full((2, 4), value), 0.01)
    loss.backward()
    assert loss.item() == 0
    assert query.grad is not None
    assert torch.equal(query.grad, torch.zeros(2, 3))
