"""The coverage tables as sheets: the same figures as the page, in Chinese, stamped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gridmap.domain.coverage import Overview, State
from gridmap.domain.figures import Figure, of_overview
from gridmap.domain.groups import BY_CODE
from gridmap.domain.households import Door
from gridmap.files.sheets import Cell, Column, Sheet

HIDDEN = "少于5户不显示"
INVENTED = {"all": "演示数据：全部虚构", "people": "演示数据：住户和走访为虚构", "none": ""}
KINDS = {"general": "综合网格", "commercial": "商圈专属网格"}
STATES = {
    State.NEVER: "从未走访",
    State.COVERED: "已覆盖",
    State.DUE_SOON: "即将到期",
    State.OVERDUE: "逾期",
    State.NO_ANSWER: "敲门无人",
    State.REFUSED: "拒访",
    State.MOVED: "迁出或空置",
    State.EXCLUDED: "不走访",
}
# figure -> heading, in the order of the columns
FIGURES = {
    "households": "住户",
    "base": "应走访",
    "covered": "已覆盖",
    "coverage_share": "覆盖率",
    "overdue": "到期未访",
    "state_never": "其中：从未走访",
    "state_covered": "其中：有效期内",
    "state_due_soon": "其中：即将到期",
    "state_overdue": "其中：逾期",
    "state_no_answer": "其中：敲门无人",
    "state_refused": "拒访",
    "state_moved": "迁出或空置",
    "state_excluded": "不走访",
    "special_base": "特殊群体户",
    "special_covered": "特殊群体已覆盖",
    "special_share": "特殊群体覆盖率",
    "attempts": "近30天走访",
    "met": "近30天有效走访",
    "contact_rate": "见面率",
    "open_needs": "未办结诉求",
    "load_min": "每月工作量（分钟）",
}
SHARES = {"coverage_share", "special_share", "contact_rate"}


def stamp(*, community: str, code: str, invented: str, user: str, at: datetime) -> tuple[str, ...]:
    """Return what every sheet carries: the community, whether it is invented, who took it and when (local time)."""
    lines = [f"{community}（{code}）", INVENTED[invented], f"导出：{user}，{at:%Y-%m-%d %H:%M}"]
    return tuple(line for line in lines if line)


def _title(words: str, on: str, group: str | None) -> str:
    return f"{words} {on}" + (f" {BY_CODE[group].name}" if group else "")


def _cells(figures: dict[str, Figure], hidden: Sequence[str]) -> list[Cell]:
    return [HIDDEN if name in hidden else figures[name] for name in FIGURES]


def _hidden(part: dict[str, Any]) -> list[str]:
    names = ("special_base", "special_covered", "special_share")
    return list(FIGURES) if part["masked"] else list(names) if part["special_masked"] else []


def _before(part: dict[str, Any], previous: dict[str, Figure] | None) -> Cell:
    return HIDDEN if part["masked"] else previous["coverage_share"] if previous else None


def overview_sheet(overview: Overview, stamped: tuple[str, ...]) -> Sheet:
    """Return one row for each grid, in the order of ``overview``, and their sum."""
    told = of_overview(overview)
    columns = (
        Column("网格编码", 20),
        Column("网格", 16),
        Column("类型", 14),
        Column("网格员", 10),
        *(Column(heading, 9, name in SHARES) for name, heading in FIGURES.items()),
        Column("上期覆盖率", 9, is_share=True),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            grid["code"],
            grid["name"],
            KINDS.get(grid["kind"], grid["kind"]),
            grid["worker"] or "",
            *_cells(grid["figures"], _hidden(grid)),
            _before(grid, grid["previous"]),
        )
        for grid in told["grids"]
    ]
    rows.append(("合计", "", "", "", *_cells(told["total"], _hidden(told)), _before(told, told["previous"])))
    before = (f"上期：{told['previous_on']}",) if told["previous_on"] else ()
    return Sheet(_title("走访覆盖", told["on"], overview.group), columns, tuple(rows), (*stamped, *before))


def doors_sheet(
    doors: Sequence[Door], stamped: tuple[str, ...], *, on: str, grid_name: str, group: str | None
) -> Sheet:
    """Return one row for each door of a list, in its order; no names of residents."""
    columns = (
        Column("地址", 26),
        Column("状态", 12),
        Column("敲门无人次数", 8),
        Column("最近有效走访", 12),
        Column("逾期起始日", 12),
        Column("逾期天数", 8),
        Column("特殊群体", 24),
        Column("说明", 24),
    )
    rows = tuple(
        (
            door.address,
            STATES[door.state],
            door.tries,
            door.last_effective_on,
            door.overdue_on,
            door.overdue_days,
            "、".join(BY_CODE[code].name for code in door.groups),
            door.reason or "",
        )
        for door in doors
    )
    return Sheet(_title(f"{grid_name} 住户名单", on, group), columns, rows, stamped)
