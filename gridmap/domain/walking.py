"""Walking: the network people really walk, seconds between doors, the path of a leg, what is within reach.

Contracts; see the functions for rules and sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """The streets valid on a day, in metres of the community's projected CRS.

    Attributes
    ----------
    mark : changes with every edit; equal marks mean equal networks
    xy : (n, 2) nodes
    edge_id : (m,) ids of ``street_edge``; tail, head : (m,) positions of nodes
    forward_s, backward_s : (m,) seconds on foot, inf where barred
    opens_s, closes_s : (m,) a gate's hours in seconds of the local day; 0 and 86400 when always open
    kind : (m,) str; steps : (m,) number of steps, 0 where level
    length_m : (m,)
    path_xy : all vertices of the edges, (v, 2); path_at : (m + 1,) where each edge's vertices begin
    """

    mark: int
    xy: Floats
    edge_id: Ints
    tail: Ints
    head: Ints
    forward_s: Floats
    backward_s: Floats
    opens_s: Ints
    closes_s: Ints
    kind: npt.NDArray[np.str_]
    steps: Ints
    length_m: Floats
    path_xy: Floats
    path_at: Ints


@dataclass(frozen=True)
class Spots:
    """Places tied to the network, k of them: the edge's position, the share along it, and the way to it.

    Attributes
    ----------
    edge : (k,) position in the network's edges, -1 where no street can be reached
    share : (k,) 0 at the tail, 1 at the head
    access_m : (k,) straight metres between the place and the street; access_s : (k,) seconds for them
    xy : (k, 2) the place itself
    """

    edge: Ints
    share: Floats
    access_m: Floats
    access_s: Floats
    xy: Floats


@dataclass(frozen=True)
class Leg:
    """The way from one place to the next.

    Attributes
    ----------
    xy : (v, 2) metres, from place to place; metres, seconds : level way with access at both ends
    parts : (kind, first vertex, last vertex) runs of equal kind, such as street, steps, gate, access
    """

    xy: Floats
    metres: float
    seconds: float
    parts: tuple[tuple[str, int, int], ...]
