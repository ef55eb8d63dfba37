"""The command as a person meets it: what is here, what is wrong, exit codes, no traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridmap import __version__
from gridmap.ops.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made below it
    made = Path(tempfile.mkdtemp(prefix="gridmap-cli-", dir=base))
    made.chmod(0o755)
    yield made
    Cluster(made).stop()
    shutil.rmtree(made, ignore_errors=True)


def gridmap(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRIDMAP_")} | {"GRIDMAP_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "gridmap", *arguments],
        env=environment | more,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_version_wakes_nothing(home: Path) -> None:
    told = gridmap(home, "version")
    assert (told.returncode, told.stdout.strip()) == (0, __version__)
    assert not (home / "data").exists()


def test_alone_it_tells_the_next_step(home: Path) -> None:
    told = gridmap(home)
    assert told.returncode == 0
    assert "scripts/demo" in told.stdout


def test_init_then_doctor_finds_a_well_machine(home: Path) -> None:
    assert gridmap(home, "init").returncode == 0
    told = gridmap(home, "doctor", "--json")
    findings = {f["name"]: f for f in json.loads(told.stdout)}
    assert set(findings) == {"disk", "assets", "fonts", "programs", "database", "postgis", "clock"}
    assert [f for f in findings.values() if not f["ok"]] == []
    assert told.returncode == 0


def test_doctor_names_the_command_that_repairs(home: Path) -> None:
    told = gridmap(home, "doctor", GRIDMAP_DATABASE_URL="postgresql://nobody:wrong@127.0.0.1:1/none")
    assert told.returncode == 1
    assert "✗ database" in told.stdout
    assert "→ scripts/gridmap init" in told.stdout
    assert "Traceback" not in told.stdout + told.stderr


def test_what_nobody_foresaw_is_a_sentence_unless_debugging(home: Path) -> None:
    told = gridmap(home, "doctor", GRIDMAP_PORT="no-number")
    assert told.returncode == 1
    assert told.stderr.startswith("✗ ")
    assert "Traceback" not in told.stderr
    assert "Traceback" in gridmap(home, "--debug", "doctor", GRIDMAP_PORT="no-number").stderr


def test_a_wrong_option_is_wrong_usage(home: Path) -> None:
    told = gridmap(home, "coverage", "--on", "not-a-date")
    assert told.returncode == 2
    assert "Traceback" not in told.stderr


def test_a_database_that_does_not_answer_is_one_sentence(home: Path) -> None:
    told = gridmap(home, "init", GRIDMAP_DATABASE_URL="postgresql://nobody:wrong@127.0.0.1:1/none")
    assert told.returncode == 1
    assert told.stderr.startswith("✗ ")
    assert "Traceback" not in told.stderr
