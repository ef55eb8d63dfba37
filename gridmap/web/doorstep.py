"""The words of the doorstep: what the phone's scripts say, in the language of who asks; ``{n}`` is filled in there."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext

from gridmap.web.households import RELATIONS
from gridmap.web.reasons import EVENTS, HAZARDS, NEEDS

RESULTS = {
    "met": lazy_gettext("见到了"),
    "nobody": lazy_gettext("没人在家"),
    "refused": lazy_gettext("不愿受访"),
    "moved": lazy_gettext("已搬走"),
    "vacant": lazy_gettext("空置"),
}
MODES = {"door": lazy_gettext("上门"), "phone": lazy_gettext("电话")}
PURPOSES = {
    "routine": lazy_gettext("日常走访"),
    "policy": lazy_gettext("政策宣传"),
    "safety": lazy_gettext("安全检查"),
    "mediation": lazy_gettext("调解"),
    "event": lazy_gettext("突发探访"),
    "follow_up": lazy_gettext("回访"),
}
CONSENTS = {"given": lazy_gettext("同意登记"), "withheld": lazy_gettext("不同意登记")}
ERRANDS = {
    "facility": lazy_gettext("看看设施"),
    "joint": lazy_gettext("一起走访"),
    "environment": lazy_gettext("环境巡查"),
    "publicity": lazy_gettext("宣传"),
}
WEEKDAYS = [
    lazy_gettext("星期一"),
    lazy_gettext("星期二"),
    lazy_gettext("星期三"),
    lazy_gettext("星期四"),
    lazy_gettext("星期五"),
    lazy_gettext("星期六"),
    lazy_gettext("星期日"),
]

SENTENCES = {
    "close": lazy_gettext("关闭"),
    "cancel": lazy_gettext("取消"),
    "save": lazy_gettext("保存"),
    # the list
    "next": lazy_gettext("下一栋"),
    "next_errand": lazy_gettext("下一站"),
    "then": lazy_gettext("接下来"),
    "change": lazy_gettext("换顺序"),
    "walked": lazy_gettext("已走 {done} / {all} 户"),
    "left_min": lazy_gettext("约还需 {n} 分钟"),
    "left_h": lazy_gettext("约还需 {h} 小时"),
    "walk_m": lazy_gettext("步行 {n} 米"),
    "no_way": lazy_gettext("没有查到路"),
    "doors": lazy_gettext("{n} 户"),
    "around": lazy_gettext("约 {at} 到"),
    "floor": lazy_gettext("{n} 层"),
    "last": lazy_gettext("上次：{what}"),
    "never": lazy_gettext("还没有走访过"),
    "promised": lazy_gettext("约好 {from}–{until}"),
    "more_doors": lazy_gettext("还有 {n} 户，全部显示"),
    "whole_floor": lazy_gettext("整层没人在家"),
    "tower": lazy_gettext("整栋"),
    "all_done": lazy_gettext("今天的都走完了，辛苦了。"),
    "done": lazy_gettext("今天已记录"),
    "left_out": lazy_gettext("没排进今天的，为什么"),
    "postponed": lazy_gettext("今天先不去的"),
    "carry": lazy_gettext("出门带上"),
    "errand_done": lazy_gettext("办完了"),
    "nothing": lazy_gettext("今天没有要走的。可以打开地图看看全网格，或者找一户记录走访。"),
    "who": lazy_gettext("{n} 人"),
    # at the door
    "met": lazy_gettext("见到了"),
    "nobody": lazy_gettext("没人在家"),
    "more": lazy_gettext("更多"),
    "no_change": lazy_gettext("没有变化"),
    "has_need": lazy_gettext("有诉求"),
    "details": lazy_gettext("详细记"),
    "open_card": lazy_gettext("住户卡片"),
    "delivered_material": lazy_gettext("已送 {name}"),
    "members": lazy_gettext("家里的人"),
    "nobody_registered": lazy_gettext("没有登记成员。"),
    "open_needs": lazy_gettext("在办诉求"),
    "due": lazy_gettext("这次要办"),
    "why": lazy_gettext("为什么今天来"),
    "bring": lazy_gettext("要送的材料"),
    "chance": lazy_gettext("这个时间大约 {n}% 的可能有人"),
    "skip": lazy_gettext("今天先不去"),
    "again_today": lazy_gettext("今天再来"),
    "another_day": lazy_gettext("改天再来"),
    "navigate": lazy_gettext("用{name}带路"),
    # what became of a record
    "undo": lazy_gettext("撤销"),
    "withdraw": lazy_gettext("撤回"),
    "undone": lazy_gettext("已撤销"),
    "withdrawn": lazy_gettext("已撤回，这条记录不再算数"),
    "kept": lazy_gettext("已存在手机里"),
    "delivered": lazy_gettext("已送达"),
    "held": lazy_gettext("已送达，等社区确认"),
    "kept_one": lazy_gettext("{door} {result}，已存在手机里"),
    "kept_many": lazy_gettext("{n} 户{result}，已存在手机里"),
    "sent_directly": lazy_gettext("{door} {result}，已送达"),
    "keeping": lazy_gettext("正在存…"),
    "offline": lazy_gettext("没有网络，{n} 条记录已存在手机里"),
    "offline_none": lazy_gettext("没有网络，列表照常可用"),
    "sending": lazy_gettext("{n} 条记录已存在手机里，正在送"),
    "held_some": lazy_gettext("{n} 条记录等社区确认"),
    "no_day": lazy_gettext("手机里还没有今天的安排。连上网络打开一次，以后没有网络也能用。"),
    "send_now": lazy_gettext("现在送"),
    "fault": lazy_gettext("这台手机存不住记录，已改为直接发送。请保持联网。"),
    "fault_file": lazy_gettext("这条记录没能存进手机，正在直接发送。发出去以前请不要关掉这一页，也可以先下载文件。"),
    "file": lazy_gettext("下载文件"),
    "retry": lazy_gettext("再试一次"),
    # another order
    "replan": lazy_gettext("换顺序"),
    "hours_failed": lazy_gettext("出发时间没有改成：请检查网络后再试"),
    "minutes_left": lazy_gettext("我还有"),
    "minutes": lazy_gettext("{n} 分钟"),
    "skip_stop": lazy_gettext("这一栋先不去"),
    "skip_errand": lazy_gettext("这一件先不办"),
    "bring_back": lazy_gettext("还是去"),
    "from_here": lazy_gettext("从我现在的位置重排"),
    "from_here_note": lazy_gettext("只用这一次，不保存位置"),
    "emergency": lazy_gettext("有急事，先去这一户"),
    "choose_door": lazy_gettext("选一户"),
    "go_first": lazy_gettext("先去"),
    "replanning": lazy_gettext("正在重排…"),
    "replanned": lazy_gettext("已重新排好"),
    "own_order": lazy_gettext("手机自己排的顺序，未证明最优"),
    "no_time": lazy_gettext("时间不够，今天先不去"),
    "stale": lazy_gettext("社区刚换了新的安排，已更新"),
    "nowhere": lazy_gettext("取不到您的位置，请在浏览器里允许定位"),
    # the recorder
    "record": lazy_gettext("记录走访"),
    "result": lazy_gettext("结果"),
    "mode": lazy_gettext("方式"),
    "person": lazy_gettext("见到谁"),
    "purpose": lazy_gettext("事由"),
    "materials": lazy_gettext("送了什么材料"),
    "need": lazy_gettext("诉求"),
    "need_words": lazy_gettext("用一句话写下来，也可以用键盘上的话筒说"),
    "need_more": lazy_gettext("再加一条诉求"),
    "hazard": lazy_gettext("安全隐患"),
    "hazard_note": lazy_gettext("在哪里、什么情况"),
    "dispute": lazy_gettext("矛盾纠纷"),
    "dispute_words": lazy_gettext("谁和谁、为了什么"),
    "follow_up": lazy_gettext("下次回访"),
    "date": lazy_gettext("日期"),
    "promise": lazy_gettext("约好时间"),
    "promise_day": lazy_gettext("哪一天"),
    "promise_time": lazy_gettext("几点"),
    "availability": lazy_gettext("什么时候在家"),
    "consent": lazy_gettext("信息登记"),
    "event": lazy_gettext("突发情况"),
    "note": lazy_gettext("备注"),
    "photo": lazy_gettext("照片（可以不拍）"),
    "photo_take": lazy_gettext("拍照或选图"),
    "photo_note": lazy_gettext("不带位置和设备信息"),
    "photo_bad": lazy_gettext("这张图片打不开，请换一张"),
    "photo_remove": lazy_gettext("不要这张"),
    "need_empty": lazy_gettext("请写一句诉求"),
    "dispute_empty": lazy_gettext("请写一句是什么纠纷"),
    "promise_half": lazy_gettext("请把哪一天和几点都选上"),
    "tomorrow": lazy_gettext("明天"),
    "after_tomorrow": lazy_gettext("后天"),
    "in_days": lazy_gettext("{n} 天后"),
    "in_month": lazy_gettext("一个月后"),
    "evenings": lazy_gettext("18:00 以后"),
    "weekends": lazy_gettext("周末"),
    "mornings": lazy_gettext("上午"),
    "afternoons": lazy_gettext("下午"),
    "quiet_refusal": lazy_gettext("已记下，以后不再安排"),
    # a whole floor
    "floor_who": lazy_gettext("{n} 层：哪几户没人在家"),
    "floor_all": lazy_gettext("选全层"),
    "floor_save": lazy_gettext("记 {n} 户没人在家"),
}


def day_of(day: date) -> str:
    """Return a date without its year, as people say it."""
    return str(gettext("%(m)s月%(d)s日", m=day.month, d=day.day))


def weekday(day: date) -> str:
    """Return the day of the week."""
    return str(WEEKDAYS[day.weekday()])


def words() -> dict[str, Any]:
    """Return everything the scripts say, for the page's ``words`` block."""
    tables = {
        "results": RESULTS,
        "modes": MODES,
        "purposes": PURPOSES,
        "needs": NEEDS,
        "hazards": HAZARDS,
        "events": EVENTS,
        "consents": CONSENTS,
        "errands": ERRANDS,
        "relations": RELATIONS,
    }
    return {
        "sentences": {key: str(sentence) for key, sentence in SENTENCES.items()},
        "tables": {name: [[code, str(word)] for code, word in table.items()] for name, table in tables.items()},
        "weekdays": [str(word) for word in WEEKDAYS],
    }
