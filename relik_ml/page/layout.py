"""Where the boxes of a graph stand: each connected part by springs, its boxes pushed apart, the parts side by side.

>>> layout([80.0, 120.0, 60.0], [(0, 1)])[2].x > 0
True
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import networkx
import numpy as np
from numpy.typing import NDArray

MOST = 400
"""Boxes that one drawing may have: more can neither be read nor moved, and networkx would need scipy from 500 on."""

HEIGHT = 30.0
_EDGE = np.array([170.0, 105.0])
_GAP = np.array([34.0, 30.0])
_BETWEEN = 56.0
_ROUNDS = 200
_WIDER = 1.1  # than high: the shape of a screen

Places = NDArray[np.float64]


class Point(NamedTuple):
    """The middle of a box, in pixels from the top left corner of the drawing."""

    x: float
    y: float


def layout(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> list[Point]:
    """A point for every box of ``widths`` pixels, none over another. ``edges`` name boxes by their places.

    The springs are those of Fruchterman and Reingold (1991), started from the same random places every time.
    At most ``MOST`` boxes.
    """
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(widths)))
    graph.add_edges_from(edge for edge in edges if edge[0] != edge[1])
    parts = sorted((sorted(part) for part in networkx.connected_components(graph)), key=lambda part: (-len(part), part))
    sizes = np.array([[width, HEIGHT] for width in widths]).reshape(-1, 2)
    blocks = [_part(graph.subgraph(part), part, sizes[part]) for part in parts]
    points = np.zeros((len(widths), 2))
    for part, block in zip(parts, _packed(blocks, [sizes[part] for part in parts]), strict=True):
        points[part] = block
    return [Point(round(float(x), 1), round(float(y), 1)) for x, y in points]


def _part(graph: networkx.Graph, part: list[int], sizes: Places) -> Places:
    if len(part) == 1:
        return np.zeros((1, 2))
    found = networkx.spring_layout(graph, k=1.6 / sqrt(len(part)), iterations=120, seed=0, method="force")
    places = _lying(np.array([found[node] for node in part]))
    index = {node: place for place, node in enumerate(part)}
    ends = np.array([[index[one], index[other]] for one, other in graph.edges])
    lengths = np.linalg.norm(places[ends[:, 0]] - places[ends[:, 1]], axis=1)
    return _apart(places * (_EDGE / max(float(np.median(lengths)), 1e-3)), sizes)


def _lying(places: Places) -> Places:
    """Turned so that the longest extent lies along the lines of text: boxes and labels are wider than high."""
    middle = places - places.mean(axis=0)
    _, _, axes = np.linalg.svd(middle, full_matrices=False)
    # A direction has no sign of its own: make it that of reading, so that machines agree.
    turned: Places = middle @ (axes * np.where(axes.sum(axis=1) < 0, -1.0, 1.0)[:, None]).T
    return turned


def _apart(places: Places, sizes: Places) -> Places:
    """Boxes pushed apart until no two touch, each pair along the axis where they overlap less."""
    reach = (sizes[:, None] + sizes[None]) / 2 + _GAP
    for _ in range(_ROUNDS):
        away = places[:, None] - places[None]
        over = reach - np.abs(away)
        hit = (over > 0).all(axis=2) & ~np.eye(len(places), dtype=bool)
        if not hit.any():
            break
        along = over[..., 0] < over[..., 1]
        side = np.where(away == 0, np.sign(np.arange(len(places))[:, None] - np.arange(len(places)))[..., None], away)
        push = np.sign(side) * over / 2 * np.stack([along, ~along], axis=2) * hit[..., None]
        places = places + push.sum(axis=1) * 0.6
    return places


def _packed(blocks: list[Places], sizes: list[Places]) -> list[Places]:
    """Blocks in rows from the top left, the rows about as long as the screen is wide."""
    corners = [(block - size / 2).min(axis=0) for block, size in zip(blocks, sizes, strict=True)]
    extents = [
        (block + size / 2).max(axis=0) - corner for block, size, corner in zip(blocks, sizes, corners, strict=True)
    ]
    area = sum(float((extent[0] + _BETWEEN) * (extent[1] + _BETWEEN)) for extent in extents)
    wide = max([sqrt(area) * _WIDER, *(float(extent[0]) for extent in extents)])
    placed = [np.zeros((0, 2))] * len(blocks)
    at, below = np.zeros(2), 0.0
    for place in sorted(range(len(blocks)), key=lambda place: -float(extents[place][1])):
        extent = extents[place]
        if at[0] and at[0] + extent[0] > wide:
            at = np.array([0.0, below])
        placed[place] = blocks[place] - corners[place] + at
        below = max(below, float(at[1] + extent[1]) + _BETWEEN)
        at = at + [float(extent[0]) + _BETWEEN, 0.0]
    return placed
