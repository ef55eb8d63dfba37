"""What is looked at on a machine: prints need their own fonts, whatever the machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridmap.files.walk_sheet import FONTS
from gridmap.ops import doctor
from gridmap.settings import VENDOR, Settings


def test_the_fonts_looked_for_are_those_paper_is_printed_with(tmp_path: Path) -> None:
    found = doctor.fonts(Settings(home=tmp_path))
    assert (found.ok, found.repair) == (True, "")
    assert VENDOR / "fonts-sc" / "fonts" == FONTS
    assert {file.name for file in FONTS.glob("*.otf")} == set(doctor.PAPER_FONTS)


def test_a_font_that_is_missing_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "fonts-sc" / "fonts"
    folder.mkdir(parents=True)
    (folder / doctor.PAPER_FONTS[0]).touch()
    monkeypatch.setattr(doctor, "VENDOR", tmp_path)
    found = doctor.fonts(Settings(home=tmp_path))
    assert (found.ok, found.repair) == (False, "scripts/demo")
    assert doctor.PAPER_FONTS[1] in found.detail
    assert doctor.PAPER_FONTS[0] not in found.detail
