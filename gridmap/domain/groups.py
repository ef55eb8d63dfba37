"""The special groups (特殊群体) a household can belong to, and the visit rules a new community starts with.

The order of ``GROUPS`` is a storage format: bit i of ``household.group_bits`` is ``GROUPS[i]``. Append only.
"""

from __future__ import annotations

from dataclasses import dataclass

GENERAL = "general"  # the rule of a household without any tag


@dataclass(frozen=True)
class SpecialGroup:
    """One group: its code, its names, and whether it belongs to another authority (then off by default)."""

    code: str
    name: str
    name_en: str
    restricted: bool = False


GROUPS: tuple[SpecialGroup, ...] = (
    SpecialGroup("alone", "独居", "Living alone"),
    SpecialGroup("empty_nest", "空巢", "Empty nest"),
    SpecialGroup("left_elder", "留守老人", "Left-behind elder"),
    SpecialGroup("aged_80", "高龄", "Aged 80 and over"),
    SpecialGroup("frail", "失能失智", "Disabled or demented elder"),
    SpecialGroup("severe_disability", "重残", "Severe disability"),
    SpecialGroup("disability", "残疾", "Disability"),
    SpecialGroup("lost_child", "计生特殊家庭", "Special family-planning family"),
    SpecialGroup("hardship", "特困", "Extreme hardship"),
    SpecialGroup("allowance", "低保", "Subsistence allowance"),
    SpecialGroup("orphan", "散居孤儿", "Orphan"),
    SpecialGroup("child_difficulty", "困境儿童", "Child in difficulty"),
    SpecialGroup("left_child", "留守儿童", "Left-behind child"),
    SpecialGroup("maternity", "孕产妇", "Pregnant or new mother"),
    SpecialGroup("serious_illness", "重大病", "Serious illness"),
    SpecialGroup("veteran", "退役军人", "Veteran"),
    SpecialGroup(
        "high_risk", "高风险", "High risk: aged 80 and over and living alone, or an illness that can kill at any time"
    ),
    # Other authorities keep these: off by default, a permission of their own, on no shared map, in no export.
    SpecialGroup("released", "刑满释放", "Released prisoner", restricted=True),
    SpecialGroup("correction", "社区矫正", "Community correction", restricted=True),
    SpecialGroup("drug", "吸毒", "Drug use", restricted=True),
    SpecialGroup("mental", "精神障碍", "Mental disorder", restricted=True),
    SpecialGroup("petition", "信访", "Petitioner", restricted=True),
)

BY_CODE = {group.code: group for group in GROUPS}
BIT = {group.code: 1 << i for i, group in enumerate(GROUPS)}
SHARED_BITS = sum(BIT[g.code] for g in GROUPS if not g.restricted)


@dataclass(frozen=True)
class RuleDefault:
    """A visit rule a new community starts with; the community's own dated rules take its place."""

    group_code: str
    period_days: int
    soon_days: int
    modes: tuple[str, ...]
    source: str


_NORM = "内蒙古 2022 年走访规范"
RULE_DEFAULTS: tuple[RuleDefault, ...] = (
    RuleDefault("high_risk", 7, 2, ("door", "phone"), f"{_NORM}：高风险每周"),
    *[
        RuleDefault(code, 30, 7, ("door", "phone"), f"{_NORM}：重点每月")
        for code in ("frail", "severe_disability", "hardship", "lost_child", "orphan", "child_difficulty")
    ],
    *[
        RuleDefault(code, 30, 7, ("door", "phone"), "十部门：特殊困难老年人月探访率 100%")
        for code in ("alone", "empty_nest", "left_elder", "aged_80")
    ],
    *[
        RuleDefault(code, 90, 14, ("door", "phone"), f"{_NORM}：一般每季")
        for code in ("disability", "allowance", "left_child", "maternity", "serious_illness", "veteran")
    ],
    RuleDefault(GENERAL, 90, 14, ("door", "phone", "remote"), f"{_NORM}：一般每季"),
)
