"""What can be done to a partition; each says what is wanted, ``apply`` whether it can be had.

All coordinates are whole units of 1e-7 degree. What cannot be meant is refused when an operation is made: before
anything is fetched for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon

from gridmap.domain.partition.patch import Pair
from gridmap.domain.partition.units import GLOBE
from gridmap.errors import BadInput

Line = tuple[Pair, ...]
Box = tuple[int, int, int, int]

MAX_POINTS = 2_000  # of a drawn line or ring; what a hand draws has some dozens
MAX_OUTLINE = 20_000  # of a whole community's outline
MAX_SHAPES = 500  # given at once
MAX_SPAN = 2**24  # units: 1.7 degrees, more than any community
NEAR = 3_000  # units (about 30 m): an operation asks for the grids so far around it


def _pair(given: Sequence[float]) -> Pair:
    if len(given) != 2:
        raise BadInput("坐标应是经度和纬度两个数")
    return _line([given], least=1)[0]


def _line(given: Iterable[Sequence[float]] | LineString, *, least: int = 2, most: int = MAX_POINTS) -> Line:
    """Return points as whole numbers, without repetitions."""
    listed = shapely.get_coordinates(given) if isinstance(given, LineString) else given
    if not isinstance(listed, Sized) or len(listed) > most:
        raise BadInput("点太多：最多 %(most)d 个", most=most)
    try:
        found = np.array(listed, dtype=float).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput("坐标应是经度和纬度两个数") from error
    if not (np.abs(found) <= GLOBE).all():  # NaN fails as well
        raise BadInput("坐标不对：应是经纬度")
    if len(found) and (np.ptp(found, axis=0) > MAX_SPAN).any():
        raise BadInput("画得太大：超出了一个社区的范围")
    pairs = [(int(x), int(y)) for x, y in np.rint(found).tolist()]
    kept = [pair for i, pair in enumerate(pairs) if i == 0 or pair != pairs[i - 1]]
    if len(kept) < least:
        raise BadInput("线至少要有两个不同的点")
    return tuple(kept)


def _drawn(given: Iterable[Sequence[float]] | LineString) -> Line:
    """Return a drawn line that does not cross itself."""
    found = _line(given)
    if not LineString(found).is_simple:
        raise BadInput("画的线自己交叉了，请重画")
    return found


def _shape(given: Polygon | Iterable[Sequence[float]], *, most: int = MAX_POINTS) -> Polygon:
    """Return a drawn ring as a polygon without holes that does not cross itself."""
    ring = _line(given.exterior if isinstance(given, Polygon) else given, most=most)
    if len({*ring}) < 3:
        raise BadInput("圈起来的范围至少要有三个点")
    found = Polygon(ring)
    if not found.is_valid or not found.area:
        raise BadInput("画的圈自己交叉了，请重画")
    return found


@dataclass(frozen=True)
class Move:
    """Move a border's corner or a node where several grids meet; every grid that has it follows."""

    at: Pair
    to: Pair

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _pair(self.at))
        object.__setattr__(self, "to", _pair(self.to))
        _line([self.at, self.to], least=1)


@dataclass(frozen=True)
class Insert:
    """Put a corner into the border nearest to ``at``; without ``to`` the border runs as before, to half a unit."""

    at: Pair
    to: Pair | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _pair(self.at))
        if self.to is not None:
            object.__setattr__(self, "to", _pair(self.to))
            _line([self.at, self.to], least=1)


@dataclass(frozen=True)
class Remove:
    """Take a corner of a border away."""

    at: Pair

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _pair(self.at))


@dataclass(frozen=True)
class Bend:
    """Move many corners at once: (from, to) of each; every grid that has one follows."""

    moves: tuple[tuple[Pair, Pair], ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.moves) <= MAX_POINTS:
            raise BadInput("一次要移动 1 到 %(most)d 个折点", most=MAX_POINTS)
        pairs = tuple((_pair(at), _pair(to)) for at, to in self.moves)
        _line([point for pair in pairs for point in pair], least=1)
        if len({at for at, _ in pairs}) != len(pairs):
            raise BadInput("同一个折点不能移到两个地方")
        object.__setattr__(self, "moves", pairs)


@dataclass(frozen=True)
class Straighten:
    """Take corners of one border away, so that it runs straight between those that stay."""

    corners: Line

    def __post_init__(self) -> None:
        object.__setattr__(self, "corners", _line(self.corners, least=1))


@dataclass(frozen=True)
class Reshape:
    """Lead borders along a drawn line.

    Of every grid that the line cuts, the largest part stays; each other part goes to the grid along which it has its
    longest border. Ends that stick out past the last border do nothing.
    """

    line: Line

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", _drawn(self.line))


@dataclass(frozen=True)
class Cut:
    """Cut a grid into two along a line; the larger part keeps the key."""

    key: int
    line: Line
    new_key: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", _drawn(self.line))


@dataclass(frozen=True)
class Join:
    """Make one grid of two neighbours."""

    keep: int
    gone: int


@dataclass(frozen=True)
class Give:
    """Give ground to a grid.

    Attributes
    ----------
    shapes : of a block or a compound the ground itself, of buildings their footprints.
    to : key of the grid that receives.
    others : of buildings: footprints of all other buildings near by. The ground of the buildings is then their
        footprints with what is nearer to them than to any other, as far as it is needed to join the receiving grid;
        no other building is cut. None: the shapes are given as they are.
    """

    shapes: tuple[Polygon, ...]
    to: int
    others: tuple[Polygon, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.shapes) <= MAX_SHAPES:
            raise BadInput("一次请选 1 到 %(most)d 处", most=MAX_SHAPES)
        object.__setattr__(self, "shapes", tuple(_shape(shape) for shape in self.shapes))
        xmin, ymin, xmax, ymax = shapely.total_bounds(np.array(self.shapes, dtype=object)).tolist()
        _line([(xmin, ymin), (xmax, ymax)])


@dataclass(frozen=True)
class Draw:
    """Make a new grid of what lies under a drawn ring."""

    shape: Polygon
    new_key: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _shape(self.shape))


@dataclass(frozen=True)
class Shift:
    """Change the outline of the whole community: the only operation that does.

    Ground that comes in goes to the grid along which it has its longest border; ground that falls outside is given
    up. The patch must hold every grid.
    """

    outline: Polygon

    def __post_init__(self) -> None:
        object.__setattr__(self, "outline", _shape(self.outline, most=MAX_OUTLINE))


Operation = Move | Bend | Insert | Remove | Straighten | Reshape | Cut | Join | Give | Draw | Shift


def named(operation: Operation) -> frozenset[int]:
    """Return the keys that an operation names; their grids and all their neighbours must be in the patch."""
    match operation:
        case Cut(key=key):
            return frozenset({key})
        case Join(keep=keep, gone=gone):
            return frozenset({keep, gone})
        case Give(to=to):
            return frozenset({to})
    return frozenset()


def reach(operation: Operation) -> Box | None:
    """Return the box whose grids, with all their neighbours, must be in the patch; None when keys alone say it.

    Returns
    -------
    xmin, ymin, xmax, ymax
        Whole units.
    """
    points = _points(operation)
    if points is None:
        return None
    far = MAX_SPAN if isinstance(operation, Shift) else NEAR  # of the outline every grid, also what would lie outside
    xs, ys = zip(*points, strict=True)
    return (math.floor(min(xs)) - far, math.floor(min(ys)) - far, math.ceil(max(xs)) + far, math.ceil(max(ys)) + far)


def _points(operation: Operation) -> Sequence[tuple[float, float]] | None:
    match operation:
        case Join():
            return None
        case Move(at=at, to=to):
            return [at, to]
        case Insert(at=at, to=to):
            return [at, to or at]
        case Remove(at=at):
            return [at]
        case Bend(moves=moves):
            return [point for pair in moves for point in pair]
        case Straighten(corners=line) | Reshape(line=line) | Cut(line=line):
            return line
        case Give(shapes=shapes):
            return _corners(shapes)
        case Draw(shape=shape) | Shift(outline=shape):
            return _corners([shape])


def _corners(shapes: Sequence[Polygon]) -> Sequence[tuple[float, float]]:
    xmin, ymin, xmax, ymax = shapely.total_bounds(np.array(shapes, dtype=object)).tolist()
    return [(xmin, ymin), (xmax, ymax)]
