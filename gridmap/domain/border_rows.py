"""Which of today's grids the areas of a file are: by code, number or name as offices head them, else by ground."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.domain.boundaries import DraftGrid, usual_name

# Column headings, by what they mean; the first that is there counts. Shapefiles cut them at ten bytes.
HEADINGS = {
    "code": ("网格编码", "网格代码", "编码", "代码", "wgbm", "wgdm", "grid_code", "gridcode", "code", "dm", "bm"),
    "number": ("网格编号", "网格序号", "网格号", "编号", "序号", "wgbh", "wgxh", "number", "grid_no", "no", "bh", "xh"),
    "name": ("网格名称", "网格名", "名称", "网格", "wgmc", "grid_name", "name", "mc", "text"),
    "kind": ("网格类型", "网格类别", "类型", "类别", "wglx", "kind", "type", "lx"),
}
CUT = 3  # letters of a Chinese heading that are left of one cut at ten bytes
SAME_GROUND = 0.5  # of both an area and a grid must be shared for them to be the same without a word
COMMERCIAL = re.compile(r"商圈|商业|专属|commercial", re.IGNORECASE)
DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")}
LONGEST_NAME = 40
LARGEST_NUMBER = 9_999


@dataclass(frozen=True)
class Area:
    """One area of a file with what its row says.

    Attributes
    ----------
    shape : whole units; rows that name the same code or number are one area.
    code, number, name, kind : as far as they are told; "", 0, "" and "" else.
    rows : places of its rows in the file, from 1.
    """

    shape: BaseGeometry
    code: str
    number: int
    name: str
    kind: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Match:
    """What an area stands for.

    Attributes
    ----------
    key : of the grid, 0 for a new one; by : "code", "number", "name", "ground" or "".
    elsewhere : it is called like one grid and lies where another is: keys of both, else empty.
    """

    key: int
    by: str
    elsewhere: tuple[int, ...] = ()


def columns(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return which heading of a file means code, number, name and kind."""
    there = {heading.strip().lower(): heading for row in rows[:50] for heading in row}
    found: dict[str, str] = {}
    for meaning, names in HEADINGS.items():
        whole = [there[name] for name in names if name in there]
        cut = [there[name[:CUT]] for name in names if len(name) > CUT and not name.isascii() and name[:CUT] in there]
        # 网格名(称), 网格类(型) say what they are when cut; 网格编 could be 编码 or 编号
        choices = [h for h in [*whole, *cut] if h not in found.values()]
        if choices:
            found[meaning] = choices[0]
    return found


def number_of(words: str) -> int:
    """Return the number in "3", "03", "第3网格", "第三网格"; 0 where there is none."""
    digits = re.findall(r"\d+", words)
    if len(digits) == 1:
        return int(digits[0]) if 1 <= int(digits[0]) <= LARGEST_NUMBER else 0
    found = re.search(r"[一二三四五六七八九]?十?[一二三四五六七八九]?(?=\s*(?:号)?网格)", words)
    return _read(found[0]) if found and not digits else 0


def _read(numeral: str) -> int:
    tens, ten, ones = numeral.rpartition("十")
    if ten:
        return (DIGITS[tens] if tens else 1) * 10 + (DIGITS[ones] if ones else 0)
    return DIGITS[numeral] if len(numeral) == 1 else 0


def areas(shapes: Sequence[BaseGeometry], rows: Sequence[Mapping[str, str]]) -> list[Area]:
    """Return the areas of a file; rows with one code, or without codes one number, are one area."""
    heads = columns(rows)
    made: dict[object, Area] = {}
    for place, (shape, row) in enumerate(zip(shapes, rows, strict=True), start=1):
        told = {meaning: row.get(heading, "") for meaning, heading in heads.items()}
        code, name, kind = (told.get(part, "") for part in ("code", "name", "kind"))
        number = number_of(told.get("number", "")) or number_of(name)
        one = Area(shape, code, number, name[:LONGEST_NAME], kind, (place,))
        same = code or number or -place
        if same in made:
            both = shapely.union_all([made[same].shape, shape])
            one = Area(both, code, number, made[same].name, kind, (*made[same].rows, place))
        made[same] = one
    return list(made.values())


def matched(found: Sequence[Area], today: Sequence[DraftGrid], codes: Mapping[int, str]) -> list[Match]:
    """Return which grid each area is; each grid is taken once.

    Parameters
    ----------
    today : grids in force; codes : their codes by key.
    """
    made: list[Match | None] = [None] * len(found)
    free = {g.key: g for g in today}
    told: dict[str, Callable[[Area, DraftGrid], bool]] = {
        "code": lambda area, grid: bool(area.code) and area.code == codes.get(grid.key),
        "number": lambda area, grid: area.number == grid.number,
        "name": lambda area, grid: bool(area.name) and area.name == grid.name,
    }
    shared = _shared(found, today)
    for by, is_same in told.items():
        for i, area in enumerate(found):
            same = [key for key, grid in free.items() if is_same(area, grid)] if made[i] is None else []
            if len(same) == 1:
                made[i] = Match(same[0], by, _elsewhere(same[0], shared[i]))
                del free[same[0]]
    for i in range(len(found)):
        ground = [key for key, share in shared[i].items() if share >= SAME_GROUND and key in free]
        if made[i] is None and ground:
            made[i] = Match(ground[0], "ground")
            del free[ground[0]]
    return [one or Match(0, "") for one in made]


def _shared(found: Sequence[Area], today: Sequence[DraftGrid]) -> list[dict[int, float]]:
    """Return the share of ground that each area and each grid have in common, of the larger of both."""
    grids = [(g.key, g.boundary) for g in today if g.boundary is not None]
    shapes = np.array([area.shape for area in found], dtype=object)
    tree = shapely.STRtree([shape for _, shape in grids])
    made: list[dict[int, float]] = [{} for _ in found]
    for i, j in tree.query(shapes, predicate="intersects").T.tolist():
        key, shape = grids[j]
        made[i][key] = shapely.intersection(shapes[i], shape).area / max(shapes[i].area, shape.area)
    return made


def _elsewhere(key: int, shared: Mapping[int, float]) -> tuple[int, ...]:
    other = max(shared, key=lambda k: shared[k], default=key)
    return (key, other) if other != key and shared[other] >= SAME_GROUND else ()


def as_grids(
    shapes: Mapping[int, Polygon], found: Sequence[Area], matches: Sequence[Match], today: Sequence[DraftGrid]
) -> list[DraftGrid]:
    """Return a whole partition for a draft: known grids keep their identity and what the file does not say.

    Parameters
    ----------
    shapes : by the place of the area; areas without one are left out.
    """
    known = {g.key: g for g in today}
    kept = {matches[i].key for i in shapes} - {0}
    used: set[int] = set()
    made = []
    order = sorted(shapes, key=lambda i: (matches[i].key == 0, found[i].rows))
    for place, i in enumerate(order, start=1):
        area, own = found[i], known.get(matches[i].key)
        number = area.number or (own.number if own else 0)
        if not number or number in used:
            taken = used | {known[key].number for key in kept} | {a.number for a in found}
            number = own.number if own and own.number not in used else max(taken, default=0) + 1
        used.add(number)
        name = area.name if area.name and not area.name.isdecimal() else own.name if own else usual_name(number)
        kind = ("commercial" if COMMERCIAL.search(area.kind) else "general") if area.kind else own.kind if own else ""
        made.append(DraftGrid(own.key if own else -place, number, name, kind or "general", shapes[i]))
    return made
