"""The plan of the invented town: what a draughtsman would sketch on one sheet before he draws any house.

Metres from the sheet's centre, x to the east, y to the north. Every name is made up from words Chinese towns like.
"""

from __future__ import annotations

from dataclasses import dataclass

Points = tuple[tuple[float, float], ...]

CENTRE = (105.2816, 27.3055)  # degrees, EPSG:4490: the middle of the sheet
HALF_WIDTH_M = {  # from the middle of a street to the line where building plots begin, pavement included
    "primary": 17.0,
    "secondary": 13.0,
    "residential": 8.0,
    "pedestrian": 7.0,
    "service": 4.5,
    "footway": 2.5,
    "path": 2.0,
    "steps": 2.0,
}
RIVER_HALF_WIDTH_M = 13.0
RIVER_BANK_M = 28.0  # no building nearer to the middle of the river

OUTLINE: Points = (
    (-700, 53), (-679, 231), (-607, 374), (-458, 465), (-264, 493), (-53, 524), (158, 493), (370, 516), (550, 447),
    (662, 327), (704, 150), (667, -44), (692, -198), (620, -352), (475, -433), (290, -503), (70, -493), (-132, -532),
    (-308, -475), (-493, -428), (-627, -297), (-671, -123),
)  # fmt: skip

RIVER: Points = (
    (-862, 286), (-695, 301), (-537, 264), (-378, 224), (-220, 239), (-70, 295), (88, 310), (238, 264), (378, 208),
    (528, 204), (686, 257), (862, 264),
)  # fmt: skip


@dataclass(frozen=True)
class Road:
    """A street that bounds blocks: ``points`` are passed by a smooth curve."""

    name: str
    kind: str
    points: Points


ROADS: tuple[Road, ...] = (
    Road(
        "南山大道",
        "primary",
        ((-862, -132), (-546, -99), (-378, -76), (-167, -55), (53, -62), (290, -86), (502, -63), (862, 9)),
    ),
    Road(
        "滨河路",
        "secondary",
        (
            (-862, 242),
            (-695, 255),
            (-537, 218),
            (-378, 180),
            (-220, 195),
            (-70, 251),
            (88, 267),
            (238, 221),
            (378, 165),
            (528, 162),
            (686, 213),
            (862, 220),
        ),
    ),
    Road(
        "文昌路",
        "secondary",
        ((-424, 634), (-392, 378), (-384, 180), (-363, 53), (-378, -76), (-398, -290), (-361, -634)),
    ),
    Road("翠屏路", "secondary", ((264, 634), (304, 378), (310, 194), (283, 55), (292, -86), (327, -290), (310, -634))),
    Road(
        "北岸街",
        "residential",
        (
            (-704, 398),
            (-607, 384),
            (-392, 373),
            (-211, 370),
            (-81, 407),
            (114, 415),
            (304, 377),
            (502, 348),
            (757, 356),
        ),
    ),
    Road("学府街", "residential", ((-55, 634), (-81, 407), (-86, 248), (-104, 74), (-92, -58))),
    Road("望溪街", "residential", ((125, 634), (114, 415), (99, 266), (74, 69), (58, -62))),
    Road("桐花街", "residential", ((528, 634), (502, 348), (514, 162), (489, 62), (498, -74))),
    Road("新华街", "residential", ((-209, 370), (-216, 195), (-231, 63), (-213, -58))),
    Road("桂花街", "residential", ((-563, 226), (-544, 58), (-539, -98), (-551, -282))),
    Road(
        "幸福路",
        "residential",
        ((-774, 51), (-544, 58), (-363, 53), (-231, 63), (-104, 74), (74, 69), (283, 55), (489, 62), (757, 86)),
    ),
    Road("松林路", "residential", ((-757, -264), (-551, -282), (-398, -290), (-290, -283), (-172, -304))),
    Road("园西路", "residential", ((-158, -55), (-180, -185), (-172, -304), (-132, -398))),
    Road("园南路", "residential", ((-405, -421), (-273, -407), (-132, -398), (18, -370), (167, -384), (320, -352))),
    Road("南山巷", "residential", ((-132, -398), (-160, -458), (-150, -563))),
    Road("石桥街", "residential", ((327, -290), (493, -264), (757, -290))),
    Road("丰收街", "residential", ((504, -50), (509, -167), (493, -264), (480, -493))),
    Road("步行街", "pedestrian", ((68, 2), (176, 7), (285, -12))),
)


@dataclass(frozen=True)
class Plot:
    """What stands in the block around ``at``: which kind of quarter, its name, its grid.

    Attributes
    ----------
    kind : tower, walkup, lane, slope, mall, school, government, centre, clinic, works, park, green
    grid : any letter shared by the blocks of one grid
    turn : degrees the rows are turned from east-west, as the slope or the builder wished
    size : floors of the tallest houses
    share : how much of a lane quarter is built; the rest is gardens
    shops : streets whose pavement is lined with shops
    committee : when its owners elected a committee, as years-months; empty for none
    """

    at: tuple[float, float]
    kind: str
    grid: str
    name: str = ""
    year: int = 0
    turn: float = 0.0
    size: int = 6
    share: float = 1.0
    shops: tuple[str, ...] = ()
    committee: str = ""


PLOTS: tuple[Plot, ...] = (
    # north of the river
    Plot((-441, 422), "lane", "a", "石板巷", 1992, 6, share=0.42),
    Plot((-458, 310), "walkup", "a", "北岸小区", 1998, -6, 6, 1.0, ("北岸街",)),
    Plot((-221, 434), "walkup", "b", "建设小区", 1995, 4, 5, 1.0, ("北岸街",), "2023-05"),
    Plot((-299, 304), "green", "b", "柳荫游园"),
    Plot((-150, 330), "walkup", "b", "粮站宿舍", 1988, -14, 4),
    Plot((-24, 469), "walkup", "c", "学苑小区", 2003, 8, 6),
    Plot((-27, 361), "tower", "c", "北岸华庭", 2016, 10, 18, 1.0, (), "2021-09"),
    Plot((211, 446), "lane", "d", "杏花巷", 1996, -6, share=0.5),
    Plot((211, 339), "walkup", "d", "临溪苑", 2001, -12, 6, 1.0, ("翠屏路",)),
    Plot((388, 437), "works", "e", "东风仓库", 1985, -6),
    Plot((546, 392), "green", "e"),
    Plot((405, 290), "walkup", "e", "东风小区", 1999, -8, 6, 1.0, ("翠屏路",)),
    Plot((573, 284), "lane", "e", "磨坊巷", 1991, 4, share=0.4),
    # between the river and the avenue
    Plot((-636, 269), "green", "f"),
    Plot((-625, 147), "lane", "f", "老码头巷", 1989, 8, share=0.4),
    Plot((-458, 132), "walkup", "f", "桂花小区", 1997, -6, 6, 1.0, ("文昌路",)),
    Plot((-614, -17), "works", "g", "化肥厂", 1972, 5),
    Plot((-468, -16), "walkup", "g", "化肥厂家属院", 1986, 5, 5, 1.0, ("南山大道",)),
    Plot((-346, 201), "green", "h"),
    Plot((-308, 118), "tower", "h", "云景苑", 2014, 4, 17, 1.0, (), "2019-11"),
    Plot((-193, 226), "green", "h"),
    Plot((-163, 133), "walkup", "h", "文昌小区", 2002, 6, 6, 1.0, ("新华街",)),
    Plot((-304, -5), "walkup", "i", "幸福小区", 1996, 4, 6, 1.0, ("南山大道",)),
    Plot((-163, 8), "walkup", "i", "新华小区", 2000, 4, 6, 1.0, ("南山大道",)),
    Plot((26, 290), "green", "j"),
    Plot((-5, 166), "school", "j", "二十二小", 2001, 3),
    Plot((-18, 7), "tower", "j", "学府雅居", 2012, 4, 16),
    Plot((122, 282), "green", "k"),
    Plot((174, 150), "government", "k", "溪畔小区", 2004, -6, 6),
    Plot((176, 35), "mall", "z", "南山商业广场", 2015),
    Plot((176, -44), "mall", "z", "步行街", 2015),
    Plot((469, 176), "green", "l"),
    Plot((378, 113), "walkup", "l", "翠屏小区", 2001, 0, 6, 1.0, ("翠屏路",)),
    Plot((378, -9), "tower", "l", "翠屏花园", 2018, 6, 15, 1.0, ("翠屏路",), "2022-03"),
    Plot((677, 232), "green", "m"),
    Plot((607, 136), "works", "m", "客运东站", 2009, 4),
    Plot((581, 22), "walkup", "m", "东站小区", 1998, 6, 6, 1.0, ("南山大道",)),
    # south of the avenue
    Plot((-602, -166), "green", "n", "马鞍山"),
    Plot((-466, -165), "walkup", "n", "南苑小区", 1999, 5, 6, 1.0, ("文昌路", "南山大道")),
    Plot((-467, -361), "lane", "n", "松林巷", 1995, -8, share=0.3),
    Plot((-282, -176), "centre", "p", "金桂园", 2006, 4, 7, 1.0, ("南山大道",)),
    Plot((-290, -348), "clinic", "p", "南山社区卫生服务站", 2008, 5),
    Plot((-273, -449), "green", "p"),
    Plot((53, -220), "park", "q", "南山体育公园"),
    Plot((53, -440), "slope", "q", "山脚巷", 1993, -3, share=0.45),
    Plot((408, -176), "tower", "r", "南山里", 2020, -6, 18, 1.0, ("翠屏路",), "2024-06"),
    Plot((599, -175), "school", "r", "南山中学", 2005, 4),
    Plot((407, -351), "walkup", "s", "丰收小区", 1997, -4, 6, 1.0, ("翠屏路",)),
    Plot((548, -327), "lane", "s", "梨园巷", 1994, 6, share=0.3),
)
