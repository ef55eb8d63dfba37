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
RIVER_BANK_M = 30.0  # no building nearer to the middle of the river

OUTLINE: Points = (
    (-795, 60), (-772, 262), (-690, 425), (-520, 528), (-300, 560), (-60, 596), (180, 560), (420, 586), (625, 508),
    (752, 372), (800, 170), (758, -50), (786, -225), (705, -400), (540, -492), (330, -572), (80, -560), (-150, -604),
    (-350, -540), (-560, -486), (-712, -338), (-762, -140),
)  # fmt: skip

RIVER: Points = (
    (-980, 325), (-790, 342), (-610, 300), (-430, 255), (-250, 272), (-80, 335), (100, 352), (270, 300), (430, 236),
    (600, 232), (780, 292), (980, 300),
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
        ((-980, -150), (-620, -112), (-430, -86), (-190, -62), (60, -70), (330, -98), (570, -72), (980, 10)),
    ),
    Road(
        "滨河路",
        "secondary",
        (
            (-980, 275),
            (-790, 290),
            (-610, 248),
            (-430, 205),
            (-250, 222),
            (-80, 285),
            (100, 303),
            (270, 251),
            (430, 188),
            (600, 184),
            (780, 242),
            (980, 250),
        ),
    ),
    Road(
        "文昌路",
        "secondary",
        ((-482, 720), (-446, 430), (-436, 205), (-412, 60), (-430, -86), (-452, -330), (-410, -720)),
    ),
    Road("翠屏路", "secondary", ((300, 720), (346, 430), (352, 220), (322, 62), (332, -98), (372, -330), (352, -720))),
    Road(
        "北岸街",
        "residential",
        (
            (-800, 452),
            (-690, 436),
            (-446, 424),
            (-240, 420),
            (-92, 462),
            (130, 472),
            (346, 428),
            (570, 396),
            (860, 405),
        ),
    ),
    Road("学府街", "residential", ((-62, 720), (-92, 462), (-98, 282), (-118, 84), (-105, -66))),
    Road("望溪街", "residential", ((142, 720), (130, 472), (112, 302), (84, 78), (66, -70))),
    Road("桐花街", "residential", ((600, 720), (570, 396), (584, 184), (556, 70), (566, -72))),
    Road("新华街", "residential", ((-238, 420), (-246, 222), (-262, 72), (-242, -66))),
    Road("桂花街", "residential", ((-640, 257), (-618, 66), (-612, -111), (-626, -320))),
    Road(
        "幸福路",
        "residential",
        ((-880, 58), (-618, 66), (-412, 60), (-262, 72), (-118, 84), (84, 78), (322, 62), (556, 70), (860, 98)),
    ),
    Road("松林路", "residential", ((-860, -300), (-626, -320), (-452, -330), (-330, -322), (-196, -345))),
    Road("园西路", "residential", ((-180, -62), (-204, -210), (-196, -345), (-150, -452))),
    Road("园南路", "residential", ((-460, -478), (-310, -462), (-150, -452), (20, -420), (190, -436), (364, -400))),
    Road("南山巷", "residential", ((-150, -452), (-182, -520), (-170, -640))),
    Road("石桥街", "residential", ((372, -330), (560, -300), (860, -330))),
    Road("丰收街", "residential", ((566, -72), (578, -190), (560, -300), (545, -560))),
    Road("步行街", "pedestrian", ((77, 2), (200, 8), (324, -14))),
)


@dataclass(frozen=True)
class Plot:
    """What stands in the block around ``at``: which kind of quarter, its name, its grid.

    Attributes
    ----------
    kind : tower, walkup, lane, mall, school, government, park, green
    grid : any letter shared by the blocks of one grid
    turn : degrees the rows are turned from east-west, as the slope or the builder wished
    size : floors of the tallest houses
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
    share: float = 0.33
    shops: tuple[str, ...] = ()
    committee: str = ""


PLOTS: tuple[Plot, ...] = (
    # north of the river
    Plot((-501, 479), "lane", "a", "石板巷", 1992, 6),
    Plot((-521, 352), "walkup", "a", "北岸小区", 1998, -6, 6, 1.0, ("北岸街",)),
    Plot((-251, 493), "walkup", "b", "建设小区", 1995, 4, 6, 1.0, ("北岸街",), "2023-05"),
    Plot((-340, 345), "lane", "b", "柳荫巷", 1990, -4),
    Plot((-170, 375), "walkup", "b", "粮站宿舍", 1988, -14, 5),
    Plot((-27, 533), "walkup", "c", "学苑小区", 2003, 8, 6),
    Plot((-31, 410), "tower", "c", "北岸华庭", 2016, 10, 18, 1.0, (), "2021-09"),
    Plot((240, 507), "lane", "d", "杏花巷", 1996, -6),
    Plot((240, 385), "walkup", "d", "临溪苑", 2001, -12, 6, 1.0, ("翠屏路",)),
    Plot((441, 497), "lane", "e", "青石巷", 1994, -6),
    Plot((620, 446), "green", "e"),
    Plot((460, 330), "walkup", "e", "东风小区", 1999, -8, 6, 1.0, ("翠屏路",)),
    Plot((651, 323), "lane", "e", "磨坊巷", 1991, 4),
    # between the river and the avenue
    Plot((-723, 306), "green", "f"),
    Plot((-710, 167), "lane", "f", "老码头巷", 1989, 8),
    Plot((-520, 150), "walkup", "f", "桂花小区", 1997, -6, 6, 1.0, ("文昌路",)),
    Plot((-698, -19), "lane", "g", "枫香巷", 1993, 5),
    Plot((-532, -18), "walkup", "g", "化肥厂家属院", 1986, 5, 5, 1.0, ("南山大道",)),
    Plot((-393, 228), "green", "h"),
    Plot((-350, 134), "tower", "h", "云景苑", 2014, 4, 17, 1.0, (), "2019-11"),
    Plot((-219, 257), "green", "h"),
    Plot((-185, 151), "walkup", "h", "文昌小区", 2002, 6, 6, 1.0, ("新华街",)),
    Plot((-346, -6), "walkup", "i", "幸福小区", 1996, 4, 6, 1.0, ("南山大道",)),
    Plot((-185, 9), "walkup", "i", "新华小区", 2000, 4, 6, 1.0, ("南山大道",)),
    Plot((29, 330), "green", "j"),
    Plot((-6, 189), "school", "j", "二十二小"),
    Plot((-20, 8), "tower", "j", "学府雅居", 2012, 4, 16, 1.0, ("南山大道",)),
    Plot((139, 321), "green", "k"),
    Plot((198, 171), "government", "k", "溪畔小区", 2004, -6, 6),
    Plot((200, 40), "mall", "z", "南山商业广场", 2015),
    Plot((200, -50), "mall", "z", "步行街", 2015),
    Plot((533, 200), "green", "l"),
    Plot((430, 128), "walkup", "l", "翠屏小区", 2001, 0, 6, 1.0, ("翠屏路",)),
    Plot((430, -10), "tower", "l", "翠屏花园", 2018, 6, 20, 1.0, ("翠屏路",), "2022-03"),
    Plot((769, 264), "green", "m"),
    Plot((690, 154), "lane", "m", "水碾巷", 1992, 4),
    Plot((660, 25), "walkup", "m", "东站小区", 1998, 6, 6, 1.0, ("南山大道",)),
    # south of the avenue
    Plot((-684, -189), "lane", "n", "马鞍巷", 1990, -4),
    Plot((-530, -188), "walkup", "n", "南苑小区", 1999, 5, 6, 1.0, ("文昌路", "南山大道")),
    Plot((-531, -410), "lane", "n", "松林巷", 1995, -8),
    Plot((-320, -200), "centre", "p", "金桂园", 2006, 4, 7, 1.0, ("南山大道",)),
    Plot((-330, -396), "lane", "p", "柿花巷", 1991, 5),
    Plot((-310, -510), "green", "p"),
    Plot((60, -250), "park", "q", "南山体育公园"),
    Plot((60, -500), "lane", "q", "山脚巷", 1993, -3),
    Plot((464, -200), "tower", "r", "南山里", 2020, -6, 22, 1.0, ("翠屏路",), "2024-06"),
    Plot((681, -199), "walkup", "r", "石桥小区", 2000, 4, 6, 1.0, ("丰收街",)),
    Plot((462, -399), "walkup", "s", "丰收小区", 1997, -4, 6, 1.0, ("翠屏路",)),
    Plot((623, -372), "lane", "s", "梨园巷", 1994, 6),
)
