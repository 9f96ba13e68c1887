"""The layout of a graph: springs place each connected component, overlapping boxes are pushed apart.

>>> layout([80.0, 120.0, 60.0], [(0, 1)])[2][0] > 0
True
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import networkx

MOST = 400
"""The most boxes in a drawing. More are not readable, and networkx needs scipy from 500 on."""

HEIGHT = 30.0
_EDGE = np.array([150.0, 100.0])
_GAP = np.array([34.0, 26.0])  # between any two boxes
_LABEL = np.array([122.0, 44.0])  # between two boxes that a labelled edge joins
_LABELLED = 60  # boxes; with more of them the page shows labels of edges only on demand
_BETWEEN = 44.0
_STEPS = 60
_ROUNDS = 600
_PATIENCE = 25  # rounds between two expansions, because boxes in a crowd push each other in circles
_GROWTH = 1.1
_WIDER = 1.4  # width by height of the drawing, as of a screen

Positions = NDArray[np.float64]

Point = tuple[float, float]
"""The centre of a box, in pixels from the top left corner of the drawing."""


def layout(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> list[Point]:
    """The centres of boxes of the given widths, which do not overlap. ``edges`` are pairs of indices of boxes.

    Fruchterman and Reingold (1991) place the boxes, with a fixed seed. There may be at most ``MOST`` boxes.
    """
    import networkx  # here because it is slow to import

    graph = networkx.Graph()
    graph.add_nodes_from(range(len(widths)))
    graph.add_edges_from(edge for edge in edges if edge[0] != edge[1])
    parts = sorted((sorted(part) for part in networkx.connected_components(graph)), key=lambda part: (-len(part), part))
    sizes = np.array([[width, HEIGHT] for width in widths]).reshape(-1, 2)
    blocks = [_part(graph.subgraph(part), part, sizes[part]) for part in parts]
    points = np.zeros((len(widths), 2))
    for part, block in zip(parts, _packed(blocks, [sizes[part] for part in parts]), strict=True):
        points[part] = block
    return [(round(float(x), 1), round(float(y), 1)) for x, y in points]


def _part(graph: networkx.Graph, part: list[int], sizes: Positions) -> Positions:
    if len(part) == 1:
        return np.zeros((1, 2))
    import networkx

    found = networkx.spring_layout(graph, k=1.6 / sqrt(len(part)), iterations=_STEPS, seed=0, method="force")
    positions = np.array([found[node] for node in part])
    if np.ptp(positions[:, 1]) > np.ptp(positions[:, 0]):  # boxes and screens are wider than high
        positions = positions[:, ::-1]
    index = {node: number for number, node in enumerate(part)}
    ends = np.array([[index[one], index[other]] for one, other in graph.edges])
    lengths = np.linalg.norm(positions[ends[:, 0]] - positions[ends[:, 1]], axis=1)
    gaps = np.full((len(part), len(part), 2), _GAP)
    if len(part) <= _LABELLED:
        gaps[ends[:, 0], ends[:, 1]] = gaps[ends[:, 1], ends[:, 0]] = _LABEL
    return _apart(positions * (_EDGE / max(float(np.median(lengths)), 1e-3)), (sizes[:, None] + sizes[None]) / 2 + gaps)


def _apart(positions: Positions, reach: Positions) -> Positions:
    """Push boxes apart, each pair along the axis with the smaller overlap, until no boxes overlap.

    ``reach`` (boxes, boxes, 2) holds the minimum distances of their centres on each axis.
    """
    reach = reach.copy()
    np.einsum("iik->ik", reach)[:] = -np.inf  # a box does not overlap itself
    for round in range(1, _ROUNDS):
        missing = [reach[..., k] - np.abs(positions[:, k][:, None] - positions[:, k]) for k in (0, 1)]
        one, other = np.nonzero((missing[0] > 0) & (missing[1] > 0))
        if not len(one):
            break
        need = np.stack([each[one, other] for each in missing], axis=1)
        axis = need.argmin(axis=1)
        side = np.sign(positions[one, axis] - positions[other, axis])
        side = np.where(side == 0, np.sign(one - other), side)
        push = np.zeros_like(positions)
        np.add.at(push, (one, axis), side * need.min(axis=1) * 0.3)
        positions = (positions + push) * (_GROWTH if round % _PATIENCE == 0 else 1.0)
    return positions


def _packed(blocks: list[Positions], sizes: list[Positions]) -> list[Positions]:
    """Place blocks in rows, the highest first, so that the whole is about as wide as a screen."""
    corners = [(block - size / 2).min(axis=0) for block, size in zip(blocks, sizes, strict=True)]
    extents = [(block + size / 2).max(axis=0) + _BETWEEN for block, size in zip(blocks, sizes, strict=True)]
    extents = [extent - corner for extent, corner in zip(extents, corners, strict=True)]
    width = sqrt(_WIDER * sum(float(extent.prod()) for extent in extents))
    placed = [np.zeros((0, 2))] * len(blocks)
    x = y = row_height = 0.0
    for index in sorted(range(len(blocks)), key=lambda index: -float(extents[index][1])):
        if x and x + extents[index][0] > width:
            x, y, row_height = 0.0, y + row_height, 0.0
        placed[index] = blocks[index] - corners[index] + (x, y)
        x, row_height = x + extents[index][0], max(row_height, extents[index][1])
    return placed
