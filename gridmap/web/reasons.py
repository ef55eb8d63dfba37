"""Why a door is on the list, and what would bring one in that is not: every code in words, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext

from gridmap.domain.groups import BY_CODE
from gridmap.domain.plans import LeftOut
from gridmap.domain.worklist import Reason, Urgency
from gridmap.web.stage import group_name

Values = Mapping[str, Any]

URGENCIES = {
    Urgency.MUST: lazy_gettext("必须去"),
    Urgency.SHOULD: lazy_gettext("应该去"),
    Urgency.MAY: lazy_gettext("顺路去"),
}
EVENTS = {
    "crisis": lazy_gettext("突发危机"),
    "hospital": lazy_gettext("住院或出院"),
    "fall": lazy_gettext("跌倒"),
    "death": lazy_gettext("家人去世"),
    "fire": lazy_gettext("火情"),
    "violence": lazy_gettext("家庭暴力"),
    "dispute": lazy_gettext("纠纷激化"),
    "job_loss": lazy_gettext("失业"),
    "moved_in": lazy_gettext("新搬入"),
    "emergency": lazy_gettext("紧急情况"),
}
NEEDS = {
    "repair": lazy_gettext("维修"),
    "environment": lazy_gettext("环境卫生"),
    "parking": lazy_gettext("停车充电"),
    "noise": lazy_gettext("噪声"),
    "policy": lazy_gettext("政策咨询"),
    "care": lazy_gettext("照护帮扶"),
    "safety": lazy_gettext("安全隐患"),
    "dispute": lazy_gettext("矛盾纠纷"),
    "other": lazy_gettext("其他"),
}
HAZARDS = {
    "electricity": lazy_gettext("用电"),
    "gas": lazy_gettext("燃气"),
    "clutter": lazy_gettext("堆物"),
    "fire": lazy_gettext("消防"),
    "structure": lazy_gettext("房屋结构"),
    "other": lazy_gettext("其他"),
}

# what needs no values
PLAIN_REASONS = {
    "material": lazy_gettext("送政策材料"),
    "nearby": lazy_gettext("顺路"),
    "joint": lazy_gettext("联合入户"),
    "dispute": lazy_gettext("有矛盾纠纷未了"),
    "refused": lazy_gettext("明确不愿受访，不再上门"),
    "quiet": lazy_gettext("在不打扰时段内"),
    "errand": lazy_gettext("途中要办的事"),
    "emergency": lazy_gettext("紧急情况，先去这家"),
    "unplanned": lazy_gettext("临时加入"),
}
PLAIN_CONDITIONS = {
    "window": lazy_gettext("这家方便的时间和路线对不上"),
    "no_way": lazy_gettext("没有路能走到，请规划员检查道路"),
    "no_time": lazy_gettext("今天没有能上门的时间"),
    "skipped": lazy_gettext("您跳过了这一户"),
    "another_day": lazy_gettext("没人在家，改天再来"),
    "off": lazy_gettext("今天没有排班"),
    "full": lazy_gettext("今天排满了"),
}


def clock(seconds: float) -> str:
    """Return a time of the local day: 54300 is 15:05; seconds are cut."""
    minutes = int(seconds) // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _overdue(values: Values) -> str:
    return str(gettext("逾期 %(n)s 天", n=values["days"]))


def _due_soon(values: Values) -> str:
    days = int(values["days"])
    return str(gettext("今天到期") if days <= 0 else gettext("%(n)s 天后到期", n=days))


def _never_met(values: Values) -> str:
    days = int(values.get("days", 0))
    return str(gettext("%(n)s 天来还没有见到过", n=days) if days > 0 else gettext("还没有见到过"))


def _no_answer(values: Values) -> str:
    return str(gettext("没人应门 %(n)s 次", n=values["tries"]))


def _event(values: Values) -> str:
    what = EVENTS.get(str(values.get("kind", "")), gettext("重大变化"))
    left = int(values.get("hours_left", 0))
    if left <= 0:
        return str(gettext("%(what)s，走访期限已过", what=what))
    return str(gettext("%(what)s，%(n)s 小时内要走访", what=what, n=left))


def _promise(values: Values) -> str:
    begin, end = clock(60 * float(values["from_min"])), clock(60 * float(values["until_min"]))
    return str(gettext("约好 %(begin)s–%(end)s", begin=begin, end=end))


def _follow_up(values: Values) -> str:
    day = date.fromisoformat(str(values["on"]))
    return str(gettext("说好 %(m)s月%(d)s日再来", m=day.month, d=day.day))


def _group(values: Values) -> str:
    code = str(values["group"])
    return group_name(code) if code in BY_CODE else str(gettext("特殊群体"))


def _need(values: Values) -> str:
    return str(gettext("有诉求在办：%(what)s", what=NEEDS.get(str(values.get("kind", "")), gettext("其他"))))


def _hazard(values: Values) -> str:
    what = HAZARDS.get(str(values.get("kind", "")), gettext("其他"))
    return str(gettext("有安全隐患未除：%(what)s", what=what))


REASONS: dict[str, Callable[[Values], str]] = {
    "overdue": _overdue,
    "due_soon": _due_soon,
    "never_met": _never_met,
    "no_answer": _no_answer,
    "event": _event,
    "promise": _promise,
    "follow_up": _follow_up,
    "group": _group,
    "need": _need,
    "hazard": _hazard,
}


def words(reason: Reason) -> str:
    """Return a reason in words."""
    told = REASONS.get(reason.code)
    return told(reason.values) if told else str(PLAIN_REASONS.get(reason.code, gettext("其他原因")))


def urgency_words(urgency: Urgency) -> str:
    """Return how much a door is owed a visit, in words."""
    return str(URGENCIES[urgency])


def _minutes(values: Values) -> str:
    if int(values["minutes"]) <= 0:
        return str(gettext("能排进去，但会挤掉更要紧的一户"))
    return str(gettext("再有 %(n)s 分钟就能走到", n=values["minutes"]))


def _without(values: Values) -> str:
    if not values.get("address"):
        return str(gettext("少走一户就能走到"))
    return str(gettext("不去 %(address)s 就能走到", address=values["address"]))


def _moved(values: Values) -> str:
    if not values.get("address"):
        return str(gettext("有一个约定改个时间就能走到"))
    if "at_s" in values:
        at = clock(int(values["at_s"]))
        return str(gettext("%(address)s %(at)s 的约定改个时间就能走到", address=values["address"], at=at))
    return str(gettext("%(address)s 的约定改个时间就能走到", address=values["address"]))


CONDITIONS: dict[str, Callable[[Values], str]] = {
    "minutes": _minutes,
    "without": _without,
    "moved": _moved,
}


def condition_words(left_out: LeftOut) -> str:
    """Return what would bring a door in that was left out, in words."""
    told = CONDITIONS.get(left_out.condition)
    if told:
        return told(left_out.values)
    return str(PLAIN_CONDITIONS.get(left_out.condition, gettext("没有排进今天的路线")))
