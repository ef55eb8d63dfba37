"""Reasons and conditions read as sentences."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from gridmap.domain.plans import LeftOut
from gridmap.domain.routes import Condition
from gridmap.domain.worklist import Reason, Urgency
from gridmap.web import reasons

SAID: list[tuple[str, dict[str, Any], str]] = [
    ("overdue", {"days": 6}, "逾期 6 天"),
    ("due_soon", {"days": 0}, "今天到期"),
    ("due_soon", {"days": 3}, "3 天后到期"),
    ("never_met", {"days": 40}, "40 天来还没有见到过"),
    ("no_answer", {"tries": 2}, "没人应门 2 次"),
    ("event", {"kind": "fall", "hours_left": 5}, "跌倒，5 小时内要走访"),
    ("event", {"kind": "unheard", "hours_left": -1}, "重大变化，走访期限已过"),
    ("promise", {"from_min": 900, "until_min": 930}, "约好 15:00–15:30"),
    ("follow_up", {"on": "2026-11-03"}, "说好 11月3日再来"),
    ("group", {"group": "alone"}, "独居"),
    ("need", {"kind": "repair"}, "有诉求在办：维修"),
    ("material", {"material": "antifraud"}, "送政策材料"),
    ("nearby", {}, "顺路"),
    ("joint", {}, "联合入户"),
    ("refused", {}, "明确不愿受访，不再上门"),
    ("quiet", {}, "在不打扰时段内"),
]


@pytest.mark.parametrize(("code", "values", "said"), SAID)
def test_a_reason_reads_as_people_say_it(app: Flask, code: str, values: dict[str, Any], said: str) -> None:
    with app.test_request_context("/?lang=zh"):
        assert reasons.words(Reason(code, values)) == said


def _left_out(condition: str, **values: int | str) -> LeftOut:
    return LeftOut(1, 1, "云景苑7栋2单元301", Urgency.SHOULD, (), condition, values)


def test_a_condition_reads_as_people_say_it(app: Flask) -> None:
    there = {"household_id": 2, "address": "滨河路12号", "at_s": 54_000}
    with app.test_request_context("/?lang=zh"):
        assert reasons.condition_words(_left_out("minutes", minutes=12)) == "再有 12 分钟就能走到"
        assert reasons.condition_words(_left_out("without", **there)) == "不去 滨河路12号 就能走到"
        assert reasons.condition_words(_left_out("moved", **there)) == "滨河路12号 15:00 的约定改个时间就能走到"
        told = {str(c): reasons.condition_words(_left_out(c, minutes=1)) for c in Condition}
    assert len(set(told.values())) == len(Condition)


def test_a_code_of_a_newer_version_still_reads_as_a_sentence(app: Flask) -> None:
    with app.test_request_context("/?lang=zh"):
        assert reasons.words(Reason("later")) == "其他原因"
        assert reasons.condition_words(_left_out("later")) == "没有排进今天的路线"
