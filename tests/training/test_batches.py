"""Order of training: everything once an epoch, no batch too large, like lengths together."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from relik_ml.training import shuffled_batches
from relik_ml.training.batches import JITTER


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 1000), st.integers(0, 9))
def test_every_window_once_and_no_batch_too_large(lengths: list[int], tokens: int, seed: int) -> None:
    found = shuffled_batches(lengths, tokens, Random(seed))
    assert sorted(place for batch in found for place in batch) == list(range(len(lengths)))
    for batch in found:
        assert batch
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= tokens
    assert found == shuffled_batches(lengths, tokens, Random(seed))


def test_another_epoch_is_another_order_with_other_company() -> None:
    lengths = [1 + place % 50 for place in range(200)]
    first, second = (shuffled_batches(lengths, 400, Random(seed)) for seed in (1, 2))
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}


def test_windows_of_like_length_are_together_and_batches_are_not_sorted() -> None:
    random = Random(0)
    lengths = [random.randrange(1, 1000) for _ in range(500)]
    found = shuffled_batches(lengths, 4000, Random(0))
    assert all(max(lengths[p] for p in batch) - min(lengths[p] for p in batch) < 3 * JITTER for batch in found)
    longest = [max(lengths[place] for place in batch) for batch in found]
    assert longest != sorted(longest)
