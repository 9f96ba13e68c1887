"""Where the boxes of a graph stand: each connected part by springs, its boxes pushed apart, the parts side by side.

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
"""Boxes that one drawing may have: more can neither be read nor moved, and networkx would need scipy from 500 on."""

HEIGHT = 30.0
_EDGE = np.array([150.0, 100.0])
_GAP = np.array([34.0, 26.0])  # between any two boxes
_LABEL = np.array([122.0, 44.0])  # between two that an edge with its label joins
_LABELLED = 60  # boxes; among more the page shows the label of an edge only when it is asked for
_BETWEEN = 44.0
_CORNERS = 24
_STEPS = 60
_ROUNDS = 600
_PATIENCE = 25  # rounds after which all is spread a little, for boxes in a crowd push each other in circles
_GROWTH = 1.1
_WIDER = 1.1  # than high: the shape of a screen

Places = NDArray[np.float64]


Point = tuple[float, float]
"""The middle of a box, in pixels from the top left corner of the drawing."""


def layout(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> list[Point]:
    """A point for every box of ``widths`` pixels, none over another. ``edges`` name boxes by their places.

    The springs are those of Fruchterman and Reingold (1991), started from the same random places every time.
    At most ``MOST`` boxes.
    """
    import networkx  # slow to load, and only drawings need it

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


def _part(graph: networkx.Graph, part: list[int], sizes: Places) -> Places:
    if len(part) == 1:
        return np.zeros((1, 2))
    import networkx

    found = networkx.spring_layout(graph, k=1.6 / sqrt(len(part)), iterations=_STEPS, seed=0, method="force")
    places = _lying(np.array([found[node] for node in part]))
    index = {node: place for place, node in enumerate(part)}
    ends = np.array([[index[one], index[other]] for one, other in graph.edges])
    lengths = np.linalg.norm(places[ends[:, 0]] - places[ends[:, 1]], axis=1)
    gaps = np.full((len(part), len(part), 2), _GAP)
    if len(part) <= _LABELLED:
        gaps[ends[:, 0], ends[:, 1]] = gaps[ends[:, 1], ends[:, 0]] = _LABEL
    return _apart(places * (_EDGE / max(float(np.median(lengths)), 1e-3)), (sizes[:, None] + sizes[None]) / 2 + gaps)


def _lying(places: Places) -> Places:
    """Turned so that the longest extent lies along the lines of text: boxes and labels are wider than high."""
    middle = places - places.mean(axis=0)
    _, _, axes = np.linalg.svd(middle, full_matrices=False)
    # A direction has no sign of its own: make it that of reading, so that machines agree.
    turned: Places = middle @ (axes * np.where(axes.sum(axis=1) < 0, -1.0, 1.0)[:, None]).T
    return turned


def _apart(places: Places, reach: Places) -> Places:
    """Boxes pushed apart, each pair along the axis where less is missing, until one axis has what ``reach`` asks.

    ``reach`` (boxes, boxes, 2) holds the least distances of their middles.
    """
    reach = reach.copy()
    np.einsum("iik->ik", reach)[:] = -np.inf  # a box is not in its own way
    for round in range(1, _ROUNDS):
        missing = [reach[..., k] - np.abs(places[:, k][:, None] - places[:, k]) for k in (0, 1)]
        one, other = np.nonzero((missing[0] > 0) & (missing[1] > 0))
        if not len(one):
            break
        need = np.stack([each[one, other] for each in missing], axis=1)
        axis = need.argmin(axis=1)
        side = np.sign(places[one, axis] - places[other, axis])
        side = np.where(side == 0, np.sign(one - other), side)
        push = np.zeros_like(places)
        np.add.at(push, (one, axis), side * need.min(axis=1) * 0.3)
        places = (places + push) * (_GROWTH if round % _PATIENCE == 0 else 1.0)
    return places


def _packed(blocks: list[Places], sizes: list[Places]) -> list[Places]:
    """Blocks side by side, the largest first, each in the free corner that lets the whole grow least."""
    corners = [(block - size / 2).min(axis=0) for block, size in zip(blocks, sizes, strict=True)]
    extents = [
        (block + size / 2).max(axis=0) - corner + _BETWEEN
        for block, size, corner in zip(blocks, sizes, corners, strict=True)
    ]
    taken = np.zeros((0, 2, 2))  # (blocks, start and stop, x and y)
    placed = [np.zeros((0, 2))] * len(blocks)
    for place in sorted(range(len(blocks)), key=lambda place: -float(extents[place].prod())):
        start = _corner(taken, extents[place])
        taken = np.concatenate([taken, np.stack([start, start + extents[place]])[None]])
        placed[place] = blocks[place] - corners[place] + start
    return placed


def _corner(taken: Places, extent: Places) -> Places:
    """Where a block of this extent goes: beside or below one that stands, or in a corner that two of them make."""
    if not len(taken):
        return np.zeros(2)
    xs, ys = np.unique(np.append(taken[:, 1, 0], 0.0)), np.unique(np.append(taken[:, 1, 1], 0.0))
    starts = np.stack(np.meshgrid(xs[:_CORNERS], ys[:_CORNERS]), axis=2).reshape(-1, 2)
    starts = np.concatenate([starts, [[xs[-1], 0.0], [0.0, ys[-1]]]])
    stops = starts + extent
    meets = (starts[:, None] < taken[None, :, 1]) & (stops[:, None] > taken[None, :, 0])  # (starts, blocks, x and y)
    free = ~(meets[..., 0] & meets[..., 1]).any(-1)
    reach = np.maximum(stops, taken[:, 1].max(axis=0)) / [_WIDER, 1.0]
    cost = reach.max(axis=1) + 0.01 * stops.sum(axis=1) + np.where(free, 0.0, np.inf)
    best: Places = starts[int(cost.argmin())]
    return best
