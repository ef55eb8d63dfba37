"""Names for people who do not exist: common surnames and common characters, put together by lot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# The hundred or so most common surnames of China, commoner ones first; weights fall slowly. Assumption.
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘"
    "杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
OLD_MEN = "国建志明华德福贵荣祥光忠义文才发兴富正永学成良世安全清云山林"
OLD_WOMEN = "秀英兰珍芳桂玉凤梅素琼香菊莲翠淑贞华珠月群琴美惠仙碧朝先"
MEN = "伟强军勇磊涛斌波辉杰鹏超浩俊飞凯宇阳峰龙刚健宏亮海松平毅江彬"
WOMEN = "丽娟敏静燕艳玲红霞娜萍婷慧琳颖洁雪倩莉佳晶媛薇莹蓉露璐芬"
BOYS = "宇浩轩梓睿泽子涵铭博皓逸辰俊航晨奕熙嘉霖翔哲言景程锦杨锐"
GIRLS = "涵欣怡梓雨诗琪语桐思妍佳萱可馨依诺一梦瑶若汐悦彤晗玥心蕊"

Names = npt.NDArray[np.object_]


def surnames(rng: np.random.Generator, n: int) -> Names:
    """Return ``n`` surnames by lot."""
    weight = 1 / (np.arange(len(SURNAMES)) + 6.0)
    drawn: Names = np.array(list(SURNAMES), dtype=object)[rng.choice(len(SURNAMES), n, p=weight / weight.sum())]
    return drawn


def given_names(rng: np.random.Generator, male: npt.NDArray[np.bool_], age: npt.NDArray[np.int64]) -> Names:
    """Return given names as each generation liked them, most of two characters."""
    pools = ((OLD_MEN, OLD_WOMEN), (MEN, WOMEN), (BOYS, GIRLS))
    generation = np.digitize(-age, [-55, -21])
    first = np.empty(len(age), dtype=object)
    second = np.empty(len(age), dtype=object)
    for i, pair in enumerate(pools):
        for sex, pool in zip((True, False), pair, strict=True):
            mine = (generation == i) & (male == sex)
            letters = np.array(list(pool), dtype=object)
            one = rng.integers(0, len(letters), int(mine.sum()))
            step = rng.integers(1, len(letters), int(mine.sum()))
            first[mine] = letters[one]
            second[mine] = letters[(one + step) % len(letters)]
    short = rng.random(len(age)) < 0.14
    second[short] = ""
    whole: Names = first + second
    return whole
