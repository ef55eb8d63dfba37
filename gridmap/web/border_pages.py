"""What the pages of borders share: the state of a draft as the browser knows it, and the words it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Actor, Role
from gridmap.domain.boundaries import Comment, DraftGrid, Plan, PlanState
from gridmap.maps import boundaries as drawing
from gridmap.services import boundaries, drawing_aids, effects, working
from gridmap.store.database import Con
from gridmap.web import border_words as say
from gridmap.web import edge
from gridmap.web.words import local_time

EDITORS = (Role.PLANNER, Role.SECRETARY)
READERS = (Role.PLANNER, Role.SECRETARY, Role.CLERK)
WORDS = {
    "homes": lazy_gettext("户"),
    "what": lazy_gettext("指标"),
    "before": lazy_gettext("现在"),
    "after": lazy_gettext("之后"),
    "change": lazy_gettext("变化"),
    "groups": lazy_gettext("特殊群体（户）"),
    "lock": lazy_gettext("锁定{name}"),
    "node": lazy_gettext("第 {n} 个节点，共 {all} 个，与{name}的边界；方向键移动 1 米"),
    "junction": lazy_gettext("第 {n} 个节点，共 {all} 个，几个网格在这里相交；方向键移动 1 米"),
    "arc": lazy_gettext("与{name}的边界，{m} 米"),
    "added": lazy_gettext("新网格"),
    "outside": lazy_gettext("社区外"),
    "is_locked": lazy_gettext("{name}已锁定，先解锁再改它的边界"),
    "outline": lazy_gettext("这个节点在社区外轮廓上，不能移动"),
    "no_removal": lazy_gettext("几个网格在这里相交，这个节点不能去掉"),
    "checking": lazy_gettext("正在检查…"),
    "faults": lazy_gettext("有 {n} 处需要看一看"),
    "no_faults": lazy_gettext("没有发现问题：没有缝隙和重叠，每栋楼都在一个网格里。"),
    "offline": lazy_gettext("网络断了，连上以后再试"),
    "nowhere": lazy_gettext("取不到您的位置，请在浏览器里允许定位"),
    "viewing": lazy_gettext("现在只能看，不能改"),
    "move": lazy_gettext("按住一条边界拖动，两边的网格一起变；双击节点去掉它"),
    "cut": lazy_gettext("从网格外点到网格外，画一条线把它切开；双击或按“完成”结束"),
    "cut_ready": lazy_gettext("已点 {n} 个点，按“完成”切开"),
    "cut_where": lazy_gettext("这条线没有穿过任何网格"),
    "reshape": lazy_gettext("沿着想要的边界点一条线，起点和终点都要碰到原来的边界"),
    "reshape_ready": lazy_gettext("已点 {n} 个点，按“完成”换成这条线"),
    "join": lazy_gettext("点两个网格之间的边界，它们就合成一个"),
    "join_next": lazy_gettext("已选{name}，再点要和它合并的网格"),
    "give": lazy_gettext("先点接收的网格"),
    "give_to": lazy_gettext("划给{name}：点要划过来的楼栋或小区"),
    "give_ready": lazy_gettext("{n} 处划给{name}，按“完成”"),
    "draw": lazy_gettext("点出新网格的范围，回到起点或按“完成”结束"),
    "draw_ready": lazy_gettext("已点 {n} 个点，按“完成”"),
}


def editable(plan: Plan, actor: Actor) -> bool:
    """Tell whether this person may change this draft now."""
    return plan.state is PlanState.DRAFT and actor.role in EDITORS and not held_by_other(plan, actor)


def held_by_other(plan: Plan, actor: Actor) -> bool:
    """Tell whether somebody else holds a draft whose lease has not ended."""
    alive = plan.lease_until is not None and plan.lease_until > edge.now()
    return bool(plan.holder_id) and alive and plan.holder_id != actor.account_id


def standing(con: Con, actor: Actor, plan: Plan) -> dict[str, Any]:
    """Return how a draft stands, as the browser knows it."""
    mine = editable(plan, actor)
    stale = plan.state is PlanState.DRAFT and boundaries.versions(con, actor)[-1].version_id != plan.base_id
    other = plan.state is PlanState.DRAFT and held_by_other(plan, actor)
    return {
        "revision": plan.revision,
        "state": str(plan.state),
        "changed": plan.changed,
        "edits": plan.edits,
        "can_undo": plan.edits > 0,
        "can_redo": plan.undone > 0,
        "editable": mine and not stale,
        "held": other,
        "holder": gettext("%(holder)s。您可以看，不能改。", holder=say.holder(plan)) if other else "",
        "stale": stale and mine,
        "submittable": mine and not stale,
    }


def drawn(con: Con, actor: Actor, plan: Plan, found: Sequence[DraftGrid]) -> list[dict[str, Any]]:
    """Return grids as the browser draws them; one that is given up as gone."""
    known = drawing_aids.posts(con, actor, keys=[grid.key for grid in found], on=edge.today())
    workers = dict(drawing_aids.workers(con, actor)) if any(grid.worker_id for grid in found) else {}
    told: list[dict[str, Any]] = []
    for grid in found:
        if grid.boundary is None:
            told.append({"key": grid.key, "gone": True})
            continue
        at, radius = drawing.label(grid.boundary)
        code, worker = known.get(grid.key, ("", workers.get(grid.worker_id, "")))
        told.append(
            {
                "key": grid.key,
                "number": grid.number,
                "name": grid.name,
                "short": say.short(grid),
                "kind": grid.kind,
                "locked": grid.key in plan.locked,
                "worker": worker,
                "worker_id": grid.worker_id,
                "code": code,
                "rings": drawing.rings(grid.boundary),
                "at": at,
                "r": radius,
            }
        )
    return told


def total(con: Con, actor: Actor, plan: Plan) -> dict[str, Any]:
    """Return what the whole draft does, compared with its base."""
    before, after = boundaries.changes(con, actor, plan_id=plan.plan_id)
    told = effects.effects(con, actor, plan_id=plan.plan_id, before=before, after=after) if after else ()
    shown = say.told(told, [*before, *after], working.setting(con, actor))
    was = [ring for grid in before if grid.boundary is not None for ring in drawing.outer(grid.boundary)]
    return shown | {"was": was}


def comments(found: Sequence[Comment]) -> list[dict[str, str]]:
    """Return what was said about a draft."""
    return [{"who": one.account_name, "when": local_time(one.at), "words": one.words} for one in found]
