"""Exact search where torch computes, a graphics card above all: the vectors lie there once, as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from relik_ml.errors import ConfigError
from relik_ml.index.exact import Floats, Ints, ascending, check_queries
from relik_ml.index.vectors import Vectors

if TYPE_CHECKING:
    from torch import Tensor

_SCORES, _ROWS = 2**26, 2**18  # at most so many scores and rows a block: some hundreds of MB


class DeviceVectors:
    """N vectors of width D on a torch device; a `VectorIndex`.

    Among rows of one score that compete for the last place, torch decides; all others are ordered by row.
    """

    def __init__(self, vectors: Vectors, device: str) -> None:
        """ConfigError when there is no such device."""
        import torch

        self.vectors, self.device = vectors, device
        try:
            self._stored = torch.from_numpy(vectors.stored).to(device)
        except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
            got = f"{device}: {str(error).strip().partition(chr(10))[0]}"
            raise ConfigError("the device cannot be used", got=got, fix="use cpu, or install torch for it") from error
        self._scale = None if vectors.scale is None else torch.from_numpy(vectors.scale).to(self.device)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self.vectors.shape

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: int | slice | Ints) -> Floats:
        return self.vectors[rows]

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """See `VectorIndex`."""
        import torch

        asked = torch.from_numpy(check_queries(queries, k, self.shape[1])).to(self.device)
        among = None if rows is None else torch.from_numpy(ascending(rows)).to(self.device)
        count = len(self) if among is None else len(among)
        size = max(min(_SCORES // max(len(asked), 1), _ROWS), k, 1)
        found = [self._best(asked, k, among, start, min(start + size, count)) for start in range(0, count, size)]
        if not found or not len(asked):
            return np.empty((len(asked), min(k, count)), np.int64), np.empty((len(asked), min(k, count)), np.float32)
        scores, places = torch.cat([part[0] for part in found], 1), torch.cat([part[1] for part in found], 1)
        scores, order = scores.topk(min(k, count), dim=1)
        return _by_row(places.gather(1, order).cpu().numpy(), scores.cpu().numpy())

    def _best(self, queries: Tensor, k: int, among: Any, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Scores and rows of the best k between two places."""
        import torch

        rows = torch.arange(start, stop, device=self.device) if among is None else among[start:stop]
        block = slice(start, stop) if among is None else rows
        scores = queries @ self._stored[block].float().T
        if self._scale is not None:
            scores *= self._scale[block]
        best, places = scores.topk(min(k, stop - start), dim=1)
        return best, rows[places]


def _by_row(rows: Ints, scores: Floats) -> tuple[Ints, Floats]:
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
