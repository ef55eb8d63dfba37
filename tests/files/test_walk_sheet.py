"""The sheet of paper: every door with its boxes, real glyphs, and nothing that a finder could misuse."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typst
from walk_days import a_day, empty_day, place

from gridmap.domain.groups import GROUPS
from gridmap.domain.plans import PlannedDoor
from gridmap.domain.walks import Gate, Ground, Piece, Walk
from gridmap.domain.worklist import Reason
from gridmap.files import walk_picture, walk_sheet, walk_words
from gridmap.files.walk_sheet import FONTS, SOURCE, Printed, content, to_pdf, to_png

PRINTED = Printed("试验社区", "all", "试验书记", datetime(2026, 11, 23, 8, tzinfo=ZoneInfo("Asia/Shanghai")))
GROUND = Ground(
    areas=(
        Piece("park", "试验公园", tuple(place(*p) for p in [(0, -200), (300, -200), (300, -60), (0, -60), (0, -200)])),
    ),
    streets=(Piece("primary", "试验大道", (place(-200, -20), place(500, -20))),),
    buildings=(
        Piece(
            "tower",
            "云景苑9栋",
            tuple(place(*p) for p in [(240, 150), (280, 150), (280, 175), (240, 175), (240, 150)]),
            9,
        ),
    ),
    compounds=(
        Piece("tower", "云景苑", tuple(place(*p) for p in [(60, 20), (300, 20), (300, 190), (60, 190), (60, 20)])),
    ),
)
WALK = Walk(a_day(), (Gate(*place(72, 2), 360, 1380, barred=False),), ground=GROUND)
HOSTILE = [
    '#import "@preview/x:1.0.0": *',
    "$ x $ *b* _i_ `r`",
    '"}]); #panic("x")',
    "\\ \u2028 <a> //",
    "@ref <label>",
]


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def doors() -> list[PlannedDoor]:
    return [door for stop in a_day().stops for door in stop.doors]


def told(walk: Walk = WALK) -> str:
    return json.dumps(content(walk, PRINTED), ensure_ascii=False)


def test_every_door_is_on_it_in_order_with_its_time() -> None:
    lines = [line for stop in content(WALK, PRINTED)["stops"] for line in stop["doors"]]
    assert [line["n"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    assert [line["room"] for line in lines] == [door.label for door in doors()]
    assert lines[1]["at"] == "09:15"
    assert lines[2]["promise"] == "09:25–09:40"
    assert [line["must"] for line in lines] == [True, False, True, False, False, False, False]


def test_what_a_finder_could_misuse_is_not_on_it() -> None:
    words = told()
    people = {member.name for door in doors() for member in door.members}
    groups = {group.name for group in GROUPS}
    needs = {need.summary for door in doors() for need in door.needs}
    assert [secret for secret in people | groups | needs if secret in words] == []
    states = {"never", "covered", "overdue", "no_answer", "refused", "moved"}
    assert [state for state in states if f'"{state}"' in words] == []
    assert "没人应门" not in words
    assert "2026-08-17" not in words


@pytest.mark.parametrize(
    "reason",
    [
        Reason("no_answer", {"tries": 3}),
        Reason("group", {"group": "high_risk"}),
        Reason("need", {"kind": "care"}),
        Reason("material", {"material": 1}),
        Reason("something_new", {}),
    ],
)
def test_a_reason_that_tells_of_people_is_not_printed(reason: Reason) -> None:
    assert walk_sheet.hint(reason) == ""


def test_a_sudden_event_is_urgent_and_no_more() -> None:
    assert walk_sheet.hint(Reason("event", {"kind": "violence", "hours_left": 3})) == "加急"


def test_a_tower_of_33_storeys_is_whole_and_fits() -> None:
    matrix = content(WALK, PRINTED)["stops"][1]["matrix"]
    rooms = [room["room"] for row in matrix["rows"] for room in row["rooms"]]
    assert len(rooms) == len(set(rooms)) == 33 * 8
    assert [row["floor"] for row in matrix["rows"]] == list(range(33, 0, -1))
    assert matrix["rows"][0]["rooms"][0]["room"] == "3301"
    assert {room["room"] for row in matrix["rows"] for room in row["rooms"] if room["planned"]} == {
        "103",
        "604",
        "3207",
    }
    assert pages_of(to_pdf(WALK, PRINTED)) == 3


def test_rooms_stand_above_one_another_though_a_floor_lacks_one() -> None:
    day = a_day()
    unit = day.towers[0].units[1]
    floors = tuple((floor, rooms[1:] if floor == 2 else rooms) for floor, rooms in unit.floors)
    tower = replace(day.towers[0], units=(replace(unit, floors=floors),))
    matrix = content(replace(WALK, day=replace(day, towers=(tower,))), PRINTED)["stops"][0]["matrix"]
    second = next(row for row in matrix["rows"] if row["floor"] == 2)
    assert second["rooms"][0] is None
    assert second["rooms"][1]["room"] == "202"


def test_it_is_one_pdf_however_often_it_is_printed() -> None:
    made = to_pdf(WALK, PRINTED)
    assert made.startswith(b"%PDF-1.")
    assert b"pdfaid" in made
    assert made == to_pdf(WALK, PRINTED)


def test_an_empty_day_is_one_page_that_says_so() -> None:
    walk = Walk(empty_day())
    assert pages_of(to_pdf(walk, PRINTED)) == 1
    assert content(walk, PRINTED)["stops"] == []


@pytest.mark.parametrize("words", HOSTILE)
def test_words_from_data_are_words_and_never_commands(words: str) -> None:
    day = a_day()
    stops = tuple(replace(stop, title=words) for stop in day.stops)
    odd = replace(WALK, day=replace(day, stops=stops, worker_name=words, grids=((1, "x", words),)))
    assert pages_of(to_pdf(odd, replace(PRINTED, community=words, user=words))) >= 3


def test_sixty_entrances_and_six_hundred_doors_are_still_a_sheet() -> None:
    day = a_day()
    stop = day.stops[0]
    many = tuple(replace(door, number=n) for n, door in enumerate(doors()[:1] * 10))
    stops = tuple(replace(stop, number=n + 1, doors=many) for n in range(60))
    assert pages_of(to_pdf(replace(WALK, day=replace(day, stops=stops)), PRINTED)) > 20


def test_every_sentence_stands_in_both_languages_with_the_same_places() -> None:
    chinese, english = (walk_words.WORDS[language] for language in ("zh", "en"))
    assert set(chinese) == set(english)
    places = re.compile(r"\{(\w+)\}")
    assert [
        key for key in chinese if sorted(places.findall(chinese[key])) != sorted(places.findall(english[key]))
    ] == []
    assert [key for key, words in english.items() if any(ord(sign) > 0x2E80 for sign in words)] == []


def test_who_reads_english_prints_english() -> None:
    english = replace(PRINTED, language="en")
    told = content(WALK, english)
    assert told["date"] == "Monday, 23 November 2026"
    assert told["stamp"] == "Demo data"
    assert told["foot"][0].startswith("Printed by 试验书记, 2026-11-23 08:00; plan ")
    assert told["stops"][0]["doors"][0]["hints"][0] == "6 days overdue"
    assert told["sum"].startswith("4 stops, 7 homes (1 done when printed)")
    assert [stop["walk"] for stop in told["stops"]][-1] == "no way found"
    assert pages_of(to_pdf(WALK, english)) == 3
    assert [reason for reason in ("no_answer", "group", "need") if walk_sheet.hint(Reason(reason, {}), "en")] == []


def test_a_demo_says_so_and_a_real_town_does_not() -> None:
    assert content(WALK, PRINTED)["stamp"] == "演示数据"
    assert content(WALK, replace(PRINTED, invented="none"))["stamp"] == ""
    assert to_png(WALK, PRINTED, ppi=40)[0] != to_png(WALK, replace(PRINTED, invented="none"), ppi=40)[0]


def test_every_sign_of_the_sheet_is_a_glyph_of_its_own(tmp_path: Path) -> None:
    # One small picture for each sign: a sign the font lacks looks like a sign that does not exist.
    texts = [SOURCE.read_text("utf-8"), told(), *walk_words.CHINESE.values(), walk_words.WEEKDAYS]
    texts += [module.__loader__.get_source(module.__name__) for module in (walk_sheet, walk_picture)]  # type: ignore[union-attr]
    signs = sorted({sign for text in texts for sign in text if ord(sign) > 0x2E80}) + list("毕骨直门角龘䶮")
    missing = "\U0010fff0"
    source = tmp_path / "signs.typ"
    source.write_text("""#set page(width: 18pt, height: 20pt, margin: 2pt)
#set text(font: "Noto Sans S Chinese", size: 12pt)
#for sign in json(bytes(sys.inputs.signs)) { page(sign) }""")
    drawn = typst.compile(
        source,
        format="png",
        ppi=72.0,
        font_paths=[FONTS],
        ignore_system_fonts=True,
        sys_inputs={"signs": json.dumps([missing, "\U0010fff1", *signs])},
    )
    blank, also_blank, *pictures = drawn
    assert blank == also_blank
    assert [sign for sign, picture in zip(signs, pictures, strict=True) if picture == blank] == []
    assert len(set(pictures)) == len(set(signs))


def test_a_long_way_there_gets_a_small_picture_of_its_own() -> None:
    day = a_day()
    lon, lat = place(-2500, -900)
    far = replace(day, start=replace(day.start, lon=lon, lat=lat), end=replace(day.end, lon=lon, lat=lat))
    assert walk_picture.picture(WALK)["inset"] is None
    drawn = walk_picture.picture(replace(WALK, day=far))
    assert drawn["inset"] is not None
    wide, tall = walk_picture.MAP_MM
    assert all(0 < x < wide and 0 < y < tall for x, y in (pin["true"] for pin in drawn["pins"]))
    assert pages_of(to_pdf(replace(WALK, day=far), PRINTED)) == 3


def test_stairs_and_gates_are_drawn_as_such() -> None:
    drawn = walk_picture.picture(WALK)
    assert [bool(leg["stairs"]) for leg in drawn["legs"]] == [False, True, False]
    assert [gate["hours"] for gate in drawn["gates"]] == ["06:00–23:00"]
    assert [pin["errand"] for pin in drawn["pins"]] == [False, False, True, False]
    assert drawn["bar"]["m"] in {50, 100, 200}
