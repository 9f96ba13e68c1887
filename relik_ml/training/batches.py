"""Order of training: every epoch another one, windows of like length together."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from relik_ml.reader import batches

JITTER = 64
"""Tokens by which lengths are blurred before windows are sorted, so that companions change."""


def shuffled_batches(lengths: Sequence[int], tokens: int, random: Random) -> list[list[int]]:
    """Places of windows in batches of at most ``tokens`` tokens, padding included, batches in random order.

    >>> sorted(sum(shuffled_batches([3, 9, 4, 4], 9, Random(0)), []))
    [0, 1, 2, 3]
    """
    blurred = [length + random.uniform(0, JITTER) for length in lengths]
    order = sorted(range(len(lengths)), key=blurred.__getitem__)
    found = list(batches(lengths, tokens, order))
    random.shuffle(found)
    return found
