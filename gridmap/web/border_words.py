"""How borders, their drafts and what they do read on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Role
from gridmap.domain.boundaries import DraftGrid, Origin, Plan, PlanState
from gridmap.domain.effects import Band, Effect, Fault, Figures
from gridmap.domain.working import WorkSetting
from gridmap.web import edge
from gridmap.web.stage import COMMERCIAL, group_name
from gridmap.web.words import local_time

SHOWN_CARDS = 40  # a draft that came from a file may change every grid; the list tells how many more there are
MINUS = "\N{MINUS SIGN}"
STATES = {
    PlanState.DRAFT: lazy_gettext("草稿"),
    PlanState.SUBMITTED: lazy_gettext("待审批"),
    PlanState.APPROVED: lazy_gettext("已批准，到日生效"),
    PlanState.IN_EFFECT: lazy_gettext("已生效"),
    PlanState.DISCARDED: lazy_gettext("已作废"),
}
ORIGINS = {
    Origin.DRAWN: lazy_gettext("手工划定"),
    Origin.IMPORT: lazy_gettext("由文件导入"),
    Origin.BALANCE: lazy_gettext("均衡建议"),
    Origin.COUNT: lazy_gettext("增减网格建议"),
    Origin.RETURN: lazy_gettext("恢复以前的边界"),
}
BANDS = {
    Band.SMALL: lazy_gettext("偏小：%(n)s 户，建议 %(low)s–%(high)s 户"),
    Band.FIT: lazy_gettext("合适：%(n)s 户，建议 %(low)s–%(high)s 户"),
    Band.LARGE: lazy_gettext("偏大：%(n)s 户，建议 %(low)s–%(high)s 户"),
}
FAULTS = {
    "gap": lazy_gettext("%(grids)s：网格之间有缝隙"),
    "overlap": lazy_gettext("%(grids)s：网格互相重叠"),
    "pieces": lazy_gettext("%(grids)s：网格断成几块"),
    "invalid": lazy_gettext("%(grids)s：边界自己交叉"),
    "node": lazy_gettext("%(grids)s：相邻边界的折点没有对上"),
    "unassigned": lazy_gettext("有一栋楼不在任何网格里"),
    "misplaced": lazy_gettext("有一栋楼记在别的网格名下（%(grids)s）"),
    "cut": lazy_gettext("%(grids)s：边界穿过一栋楼"),
    "island": lazy_gettext("%(grids)s：有一块飞地"),
    "number": lazy_gettext("%(grids)s：编号不是由西向东、由北向南"),
    "small": lazy_gettext("%(grids)s：户数偏少"),
    "large": lazy_gettext("%(grids)s：户数偏多"),
    "no_worker": lazy_gettext("%(grids)s：还没有网格员"),
}
EDITS = {
    "move": lazy_gettext("移动节点"),
    "bend": lazy_gettext("移动边界"),
    "insert": lazy_gettext("加节点"),
    "remove": lazy_gettext("去掉节点"),
    "straighten": lazy_gettext("拉直边界"),
    "reshape": lazy_gettext("沿线改边界"),
    "cut": lazy_gettext("切分网格"),
    "join": lazy_gettext("合并网格"),
    "give": lazy_gettext("划给楼栋"),
    "draw": lazy_gettext("画新网格"),
    "shift": lazy_gettext("改社区外轮廓"),
    "rename": lazy_gettext("改名称"),
    "renumber": lazy_gettext("重新编号"),
    "kind": lazy_gettext("改种类"),
    "lock": lazy_gettext("锁定或解锁"),
    "assign": lazy_gettext("安排网格员"),
}
OTHER_EDIT = lazy_gettext("修改")
OTHER_FAULT = lazy_gettext("%(grids)s：需要看一看")


def name_of(grid: DraftGrid | None) -> str:
    """Return a grid's name."""
    return grid.name if grid else str(gettext("未知网格"))


def short(grid: DraftGrid) -> str:
    """Return what stands large on a grid."""
    return str(gettext("商圈")) if grid.kind == COMMERCIAL else str(grid.number)


def signed(n: float, digits: int = 0) -> str:
    """Return a change with its sign; '' for none."""
    rounded = round(n, digits)
    if not rounded:
        return ""
    return f"{'+' if rounded > 0 else MINUS}{abs(rounded):,.{digits}f}"


def hours(minutes: float | None) -> str:
    """Return minutes as hours with one digit."""
    return "—" if minutes is None else f"{minutes / 60:.1f}"


def _count(n: float | None, digits: int = 0) -> str:
    return "—" if n is None else f"{n:,.{digits}f}"


def _row(code: str, word: str, before: float | None, after: float | None, digits: int = 0) -> dict[str, str]:
    change = signed((after or 0) - (before or 0), digits) if before is not None or after is not None else ""
    return {
        "code": code,
        "word": word,
        "before": _count(before, digits),
        "after": _count(after, digits),
        "change": change,
    }


def _rows(before: Figures | None, after: Figures | None) -> list[dict[str, str]]:
    """Return the figures of a grid line by line; walking comes later and has an empty line."""

    def each(name: str, factor: float = 1.0) -> tuple[float | None, float | None]:
        one, other = (None if f is None else factor * getattr(f, name) for f in (before, after))
        return one, other

    return [
        _row("people", gettext("人口"), *each("people")),
        _row("visits", gettext("每月走访（次）"), *each("visits_month")),
        _row("load", gettext("走访用时（小时/月）"), *each("load_min", 1 / 60), digits=1),
        {"code": "walking", "word": gettext("步行用时（小时/月）"), "before": "…", "after": "…", "change": ""},
        _row("compact", gettext("紧凑度（%%）") % {}, *each("compactness", 100.0)),
        _row("buildings", gettext("楼栋"), *each("buildings")),
        _row("facilities", gettext("便民点"), *each("facilities")),
    ]


def _group_count(figures: Figures | None, code: str, *, exact: bool) -> str:
    """Return a group's households; a planner's are in steps, and too few to be told look like none."""
    if figures is None or code not in figures.groups:
        return "—"
    n = figures.groups[code]
    if n is None:
        return "<5"
    return str(n) if exact else gettext("%(n)s 多", n=n)


def _groups(before: Figures | None, after: Figures | None, *, exact: bool) -> list[dict[str, str]]:
    codes = list(dict.fromkeys([*(before.groups if before else ()), *(after.groups if after else ())]))
    found = []
    for code in codes:
        one, other = before and before.groups.get(code), after and after.groups.get(code)
        if not one and not other:
            continue
        shown = [_group_count(side, code, exact=exact) for side in (before, after)]
        change = signed((other or 0) - (one or 0)) if exact or (one and other) else ""
        found.append({"word": group_name(code), "before": shown[0], "after": shown[1], "change": change, "code": code})
    return found


def _band(effect: Effect, setting: WorkSetting) -> dict[str, Any] | None:
    now = effect.after or effect.before
    if now is None or now.band not in BANDS:
        return None
    sizes = [side.households if side else None for side in (effect.before, effect.after)]
    words = str(BANDS[now.band]) % {"n": now.households, "low": setting.grid_least, "high": setting.grid_most}
    most = max(round(1.3 * setting.grid_most), *(n or 0 for n in sizes))
    return {
        "low": setting.grid_least,
        "high": setting.grid_most,
        "most": most,
        "before": sizes[0],
        "after": sizes[1],
        "state": str(now.band),
        "words": words,
    }


def _card(effect: Effect, grid: DraftGrid | None, setting: WorkSetting, *, exact: bool) -> dict[str, Any]:
    one, other = effect.before, effect.after
    change = (other.households if other else 0) - (one.households if one else 0)
    mark = gettext("新网格") if one is None else gettext("并入别的网格") if other is None else ""
    return {
        "key": effect.key,
        "name": name_of(grid),
        "tone": "gains" if change > 0 else "loses" if change < 0 else "other",
        "mark": mark,
        "homes": {
            "before": _count(one.households if one else None),
            "after": _count(other.households if other else None),
            "change": signed(change),
        },
        "band": _band(effect, setting),
        "rows": _rows(one, other),
        "groups": _groups(one, other, exact=exact),
    }


def sentence(effects: Sequence[Effect], names: Mapping[int, DraftGrid]) -> str:
    """Return in one sentence what a change does: which grid gains and which loses how many homes."""
    if not effects:
        return str(gettext("和现行边界一样，还没有改动。"))
    parts = []
    for effect in effects:
        one, other = effect.before, effect.after
        change = (other.households if other else 0) - (one.households if one else 0)
        name = name_of(names.get(effect.key))
        if one is None and other is not None:
            parts.append((-abs(change), gettext("新增%(name)s %(n)s 户", name=name, n=other.households)))
        elif other is None:
            parts.append((-abs(change), gettext("撤销%(name)s", name=name)))
        elif change:
            parts.append((-abs(change), gettext("%(name)s %(n)s 户", name=name, n=signed(change))))
    if not parts:
        return str(gettext("没有住户换网格。"))
    listed = [words for _, words in sorted(parts, key=lambda part: part[0])]
    more = gettext("，另有 %(n)s 个网格变化", n=len(listed) - 4) if len(listed) > 5 else ""
    return "，".join(listed[: 4 if more else 5]) + more + "。"


def _same(effect: Effect) -> bool:
    """Tell whether a grid only got another corner on a border that runs as before."""
    one, other = effect.before, effect.after
    return one is not None and other is not None and (one.area_m2, one.households) == (other.area_m2, other.households)


def told(effects: Sequence[Effect], grids: Iterable[DraftGrid], setting: WorkSetting) -> dict[str, Any]:
    """Return what a change does, ready to be shown."""
    names = {grid.key: grid for grid in grids if grid.name}
    moved = [effect for effect in effects if not _same(effect)]
    exact = edge.actor().role is Role.SECRETARY
    some = sorted(
        moved, key=lambda e: -abs((e.after.households if e.after else 0) - (e.before.households if e.before else 0))
    )
    cards = [_card(effect, names.get(effect.key), setting, exact=exact) for effect in some[:SHOWN_CARDS]]
    return {"words": sentence(effects, names), "cards": cards}


def fault(one: Fault, grids: Mapping[int, DraftGrid]) -> dict[str, Any]:
    """Return a fault in words, and where it is in degrees."""
    names = "、".join(name_of(grids.get(key)) for key in one.keys[:4])
    x, y = one.at
    return {
        "kind": one.kind,
        "words": str(FAULTS.get(one.kind, OTHER_FAULT)) % {"grids": names},
        "at": [x / 1e7, y / 1e7],
        "keys": list(one.keys),
    }


def holder(plan: Plan) -> str:
    """Return who holds a draft since when; '' when nobody does."""
    if not plan.holder_id or plan.held_since is None:
        return ""
    return str(gettext("%(name)s 从 %(at)s 起正在编辑", name=plan.holder_name, at=local_time(plan.held_since)))


def day(value: date | None) -> str:
    """Return a date as it is written."""
    return value.isoformat() if value else "—"
