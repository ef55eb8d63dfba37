"""Reads routing instances of the academic libraries: TSPLIB, OPLib, CVRP (TSPLIB's format) and Solomon.

Numbers stay whole: TSPLIB rounds as its own document says; Solomon's distances are cut after one decimal, as the
orienteering literature does, and everything of such a file is counted in tenths.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Section = list[list[str]]


class Unreadable(Exception):
    """A file that is not what its name says; the sentence tells what is wrong with it."""


@dataclass(frozen=True)
class Instance:
    """One instance; what a kind does not have is None.

    Attributes
    ----------
    kind : TSP, ATSP, HCP, OP, CVRP or SOLOMON
    travel : (n, n); place 0 is the depot of OP and SOLOMON
    score : (n,) of OP and SOLOMON; limit : longest tour of an OP
    windows : (n, 2); service : (n,), of SOLOMON, in tenths
    """

    name: str
    kind: str
    travel: Ints
    best: int | None = None
    score: Ints | None = None
    limit: int | None = None
    windows: Ints | None = None
    service: Ints | None = None
    vehicles: int | None = None


def read(path: Path, best: Path | None = None) -> Instance:
    """Read a file of any of the formats; known best values come from beside it, or from ``best``."""
    text = path.read_text("utf-8", errors="replace")
    if re.search(r"^\s*(CUST|CUSTOMER)\b", text, re.M | re.I) and re.search(r"^\s*VEHICLE", text, re.M | re.I):
        return _solomon(text)
    if re.search(r"^\s*DIMENSION\s*:?\s*\d+", text, re.M):
        return _tsplib(path, text, best)
    raise Unreadable(f"{path.name}: neither TSPLIB (no DIMENSION) nor Solomon (no VEHICLE and CUSTOMER)")


def _solomon(text: str) -> Instance:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    rows = np.array([[float(cell) for cell in line] for line in lines if len(line) == 7 and _is_number(line[0])])
    if rows.shape[0] < 2:
        raise Unreadable("Solomon: no customers of seven columns")
    fleet = next((line for line in lines if len(line) == 2 and _is_number(line[0])), None)
    gaps = rows[:, None, 1:3] - rows[None, :, 1:3]
    travel = np.floor(10 * np.sqrt((gaps**2).sum(axis=2)) + 1e-9).astype(np.int64)
    tenths = np.rint(10 * rows[:, 4:7]).astype(np.int64)
    return Instance(
        name=lines[0][0], kind="SOLOMON", travel=travel, score=rows[:, 3].astype(np.int64), windows=tenths[:, :2],
        service=tenths[:, 2], vehicles=int(fleet[0]) if fleet else None,
    )  # fmt: skip


def _is_number(word: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", word))


def _tsplib(path: Path, text: str, best: Path | None) -> Instance:
    keys, sections = _parts(text)
    n = int(keys["DIMENSION"])
    name = keys.get("NAME", path.stem).strip() or path.stem
    kind = keys.get("TYPE", "TSP").split()[0].upper()
    travel = _weights(keys, sections, n)
    if kind != "OP":
        return Instance(name, kind, travel, best=_known(path, name, best))
    score = np.zeros(n, dtype=np.int64)
    for row in sections.get("NODE_SCORE_SECTION", []):
        score[int(row[0]) - 1] = int(float(row[1]))
    depots = [int(v) for row in sections.get("DEPOT_SECTION", []) for v in row if int(v) > 0]
    order = np.array([(depots or [1])[0] - 1, *(i for i in range(n) if i != (depots or [1])[0] - 1)])
    limit = int(float(keys.get("COST_LIMIT") or keys["TMAX"]))
    known = _known(path, name, best)
    return Instance(name, kind, travel[np.ix_(order, order)], best=known, score=score[order], limit=limit)


def _parts(text: str) -> tuple[dict[str, str], dict[str, Section]]:
    """Split a file into its keys and its sections."""
    keys: dict[str, str] = {}
    sections: dict[str, Section] = {}
    now: Section | None = None
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped:
            continue
        if stripped == "EOF":
            break
        if (match := re.fullmatch(r"([A-Z_0-9]+_SECTION)\s*:?", stripped)) is not None:
            now = sections.setdefault(match[1], [])
        elif (match := re.match(r"([A-Z][A-Z_0-9]*)\s*:\s*(.*)$", stripped)) is not None:
            keys[match[1]], now = match[2].strip(), None
        elif now is not None:
            now.append(stripped.split())
        elif (match := re.match(r"(DIMENSION|EDGE_WEIGHT_TYPE|EDGE_WEIGHT_FORMAT)\s+(\S+)$", stripped)) is not None:
            keys[match[1]] = match[2]
    return keys, sections


def _weights(keys: dict[str, str], sections: dict[str, Section], n: int) -> Ints:
    kind = keys.get("EDGE_WEIGHT_TYPE", "EUC_2D").split()[0]
    if kind == "EXPLICIT":
        return _explicit(keys.get("EDGE_WEIGHT_FORMAT", "FULL_MATRIX"), sections["EDGE_WEIGHT_SECTION"], n)
    if kind not in METRICS:
        raise Unreadable(f"{keys.get('NAME', '')}: EDGE_WEIGHT_TYPE {kind} is not known here")
    xy = np.array([[float(v) for v in row[1:]] for row in sections["NODE_COORD_SECTION"]])
    if len(xy) != n:
        raise Unreadable(f"{keys.get('NAME', '')}: {len(xy)} coordinates for {n} places")
    return METRICS[kind](xy)


def _gaps(xy: Floats) -> Floats:
    return np.sqrt(((xy[:, None] - xy[None]) ** 2).sum(axis=2))


def _nearest(values: Floats) -> Ints:
    return np.floor(values + 0.5).astype(np.int64)


def _att(xy: Floats) -> Ints:
    exact = np.sqrt(((xy[:, None] - xy[None]) ** 2).sum(axis=2) / 10)
    rounded = _nearest(exact)
    return np.where(rounded < exact, rounded + 1, rounded)


def _geo(xy: Floats) -> Ints:
    whole = np.trunc(xy)
    radians = 3.141592 * (whole + 5.0 * (xy - whole) / 3.0) / 180.0
    lat, lon = radians[:, 0], radians[:, 1]
    q1 = np.cos(lon[:, None] - lon[None])
    q2, q3 = np.cos(lat[:, None] - lat[None]), np.cos(lat[:, None] + lat[None])
    angle = np.arccos(np.clip(0.5 * ((1 + q1) * q2 - (1 - q1) * q3), -1, 1))
    found = (6378.388 * angle + 1.0).astype(np.int64)
    np.fill_diagonal(found, 0)
    return found


METRICS: dict[str, Callable[[Floats], Ints]] = {
    "EUC_2D": lambda xy: _nearest(_gaps(xy)),
    "EUC_3D": lambda xy: _nearest(_gaps(xy)),
    "CEIL_2D": lambda xy: np.ceil(_gaps(xy)).astype(np.int64),
    "MAN_2D": lambda xy: _nearest(np.abs(xy[:, None] - xy[None]).sum(axis=2)),
    "MAN_3D": lambda xy: _nearest(np.abs(xy[:, None] - xy[None]).sum(axis=2)),
    "MAX_2D": lambda xy: np.abs(_nearest(xy)[:, None] - _nearest(xy)[None]).max(axis=2),
    "MAX_3D": lambda xy: np.abs(_nearest(xy)[:, None] - _nearest(xy)[None]).max(axis=2),
    "ATT": _att,
    "GEO": _geo,
}


def _cells(layout: str, n: int) -> Iterator[tuple[int, int]]:
    """Yield the cells of a matrix in the order a layout writes them."""
    upper, diagonal = layout.startswith("UPPER"), "DIAG" in layout
    by_rows = layout.endswith("ROW")
    if layout == "FULL_MATRIX":
        yield from ((i, j) for i in range(n) for j in range(n))
    elif upper == by_rows:  # rows of the upper half, or columns of the lower half: from the diagonal on
        yield from ((i, j) for i in range(n) for j in range(i + (not diagonal), n))
    else:
        yield from ((i, j) for i in range(n) for j in range(i + diagonal))


def _explicit(layout: str, rows: Section, n: int) -> Ints:
    numbers = [int(float(cell)) for row in rows for cell in row]
    cells = list(_cells(layout.split()[0], n))
    if len(numbers) < len(cells):
        raise Unreadable(f"{len(numbers)} weights for {len(cells)} cells of {layout}")
    found = np.zeros((n, n), dtype=np.int64)
    for (i, j), value in zip(cells, numbers, strict=False):
        found[i, j] = value
        if layout != "FULL_MATRIX":
            found[j, i] = value
    np.fill_diagonal(found, 0)
    return found


def _known(path: Path, name: str, best: Path | None) -> int | None:
    """Return the best known value: from the file's own .sol, or a list of "name : value" lines, or JSON."""
    own = path.with_suffix(".sol")
    lists = [best] if best else [own, path.parent / "bestSolutions.txt"]
    for listed in lists:
        if listed is None or not listed.exists():
            continue
        text = listed.read_text("utf-8", errors="replace")
        if listed.suffix == ".json":
            told = json.loads(text).get(name)
            value = told.get("best_known_cost") if isinstance(told, dict) else told
            return math.floor(value) if isinstance(value, int | float) else None
        for pattern in (r"^ROUTE_SCORE\s*:\s*(\d+)", r"^Cost\s+(\d+)", rf"^{re.escape(name)}\s*:?\s*(\d+)"):
            if (match := re.search(pattern, text, re.M)) is not None:
                return int(match[1])
    return None
