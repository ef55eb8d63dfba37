"""The README tells the truth: its commands exist, its settings and words are those of the code."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest

from gridmap import settings
from gridmap.cli import gridmap
from gridmap.store.tables import metadata

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
LINES = README.splitlines()
BLOCKS = [line for block in re.findall(r"```\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


def test_the_first_command_comes_before_line_25() -> None:
    assert next(i for i, line in enumerate(LINES, 1) if line.startswith("scripts/")) < 25


@pytest.mark.parametrize("script", sorted(set(re.findall(r"scripts/[\w.]+", README))))
def test_every_script_named_exists_and_runs(script: str) -> None:
    path = ROOT / script
    assert path.exists()
    assert os.access(path, os.X_OK) or path.suffix in {".service", ".py"}


def test_every_command_is_documented_and_exists() -> None:
    context = click.Context(gridmap)
    known = set(gridmap.list_commands(context))
    named = set(re.findall(r"scripts/gridmap ([a-z][a-z-]+)", README))
    assert named <= known
    assert known - named - {"demo"} == set()


@pytest.mark.parametrize("line", [line for line in BLOCKS if line.startswith("scripts/gridmap ")])
def test_every_option_in_an_example_exists(line: str) -> None:
    words = line.split()[1:]
    command: click.Command = gridmap
    context = click.Context(gridmap)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    options = {o for p in command.params for o in p.opts}
    assert {w for w in words if w.startswith("--")} <= options


def test_every_setting_is_documented_and_no_other() -> None:
    source = Path(settings.__file__).read_text("utf-8") + (ROOT / "tests" / "conftest.py").read_text("utf-8")
    used = set(re.findall(r"GRIDMAP_[A-Z_]+", source))
    told = set(re.findall(r"^\| `(GRIDMAP_[A-Z_]+)` \|", README, re.MULTILINE))
    assert told == used


def test_every_word_of_the_glossary_is_a_table() -> None:
    section = README.split("## 术语", 1)[1].split("## ", 1)[0]
    words = re.findall(r"\| `(\w+)` \|", section)
    assert len(words) > 10
    assert set(words) <= set(metadata.tables)


def test_every_picture_and_file_named_is_here() -> None:
    for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / target).stat().st_size > 10_000
    for target in re.findall(r"`((?:gridmap|geodata)/[\w./]+\.\w+)`", README):
        assert (ROOT / target).exists()
