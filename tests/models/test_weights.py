"""Packed weights: what comes back is near, and packing twice is packing once."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from relik_ml.errors import ModelError
from relik_ml.models import load_packed, save_packed


def matrix(rows: int = 40, columns: int = 50, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.logspace(-6, 6, rows)[:, None]
    return torch.randn(rows, columns, generator=generator) * sizes


def there_and_back(state: dict[str, Tensor], folder: Path) -> dict[str, Tensor]:
    save_packed(state, folder / "weights.safetensors")
    return load_packed(folder / "weights.safetensors")


def test_each_row_is_as_near_as_its_largest_value_allows(tmp_path: Path) -> None:
    given = matrix()
    found = there_and_back({"w": given}, tmp_path)["w"]
    assert found.dtype == torch.float32
    # The step is a power of two, so at most twice the finest that 127 levels give, and rounding errs by half a step.
    assert ((found - given).abs() <= given.abs().amax(1, keepdim=True) / 127 * 1.0001).all()
    assert not found.equal(given)


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path: Path) -> None:
    found = there_and_back({"w": matrix(), "b": torch.randn(9)}, tmp_path)
    first = (tmp_path / "weights.safetensors").read_bytes()
    there_and_back(found, tmp_path)
    assert (tmp_path / "weights.safetensors").read_bytes() == first


def test_what_is_small_or_no_matrix_comes_back_exactly(tmp_path: Path) -> None:
    state = {
        "small": torch.randn(31, 33),
        "vector": torch.randn(5_000),
        "cube": torch.randn(12, 12, 12),
        "number": torch.tensor(3.5),
        "places": torch.arange(5_000).view(50, 100),
        "mask": torch.ones(50, 100, dtype=torch.bool),
        "empty": torch.zeros(0, 5),
    }
    assert state["small"].numel() == 1023
    found = there_and_back(state, tmp_path)
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert found[name].equal(tensor), name
        assert found[name].dtype == tensor.dtype


def test_rows_of_zeros_and_of_hardly_anything(tmp_path: Path) -> None:
    given = matrix()
    given[3] = 0.0
    given[4] = 1e-30
    found = there_and_back({"w": given}, tmp_path)["w"]
    assert found[3].eq(0).all()
    assert found[4].abs().max() <= 1e-10
    assert found.isfinite().all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path, bad: float) -> None:
    given = matrix()
    given[2, 2] = bad
    with pytest.raises(ModelError, match="not finite") as caught:
        save_packed({"w": given}, tmp_path / "weights.safetensors")
    assert caught.value.got == "w"
    assert not (tmp_path / "weights.safetensors").exists()
