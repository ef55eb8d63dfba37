"""What learning when doors open is worth, on made-up quarters with a hidden truth; see ``tests/door_clock.py``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

# in place of this folder, whose coverage.py others would take for the library of that name
sys.path[0] = str(Path(__file__).resolve().parents[2] / "tests")

import door_clock  # noqa: E402 - it lies there

HOURS = ("given", "chosen")


def measure(hours: str, seed: int, grids: int, days: int) -> dict[str, object]:
    """Return what the ways of working led to in one quarter."""
    begin = time.perf_counter()
    found = door_clock.simulate(grids=grids, days=days, seed=seed, choice=hours)
    by_way = {o.way: o for o in found}
    seconds = time.perf_counter() - begin
    print(f"{hours} {seed}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return {
        "hours": hours,
        "seed": seed,
        "grids": grids,
        "days": days,
        "gain": by_way["learned"].per_hour / by_way["nearest"].per_hour - 1,
        "gain_over_even": by_way["learned"].per_hour / by_way["even"].per_hour - 1,
        "ways": [asdict(o) for o in found],
        "seconds": round(seconds, 1),
    }


def table(runs: list[dict[str, object]]) -> None:
    """Print the figures for people."""
    print("hours   seed way      answered/h  opened  knocks  overdue  calibration error (points)")
    for run in runs:
        for way in run["ways"]:  # type: ignore[attr-defined]
            line = f"{run['hours']:7} {run['seed']:4} {way['way']:8} {way['per_hour']:10.2f}  {way['opened']:6.1%}"
            error = f"{way['error_points']:.2f}" if way["way"] == "learned" else "-"
            print(f"{line}  {way['knocks']:6}  {way['overdue_share']:7.1%}  {error}")
        print(f"{'':13}learned against nearest {run['gain']:+.1%}, against even {run['gain_over_even']:+.1%}")
    for hours in dict.fromkeys(run["hours"] for run in runs):
        gains = [float(run["gain"]) for run in runs if run["hours"] == hours]  # type: ignore[arg-type]
        print(f"mean gain, hours {hours}: {sum(gains) / len(gains):+.1%}")


def main() -> None:
    """Run the simulation."""
    options = argparse.ArgumentParser(prog="scripts/bench answering", description=__doc__)
    options.add_argument("--grids", type=int, default=3)
    options.add_argument("--days", type=int, default=28)
    options.add_argument("--seeds", default="1,2,3")
    options.add_argument("--quick", action="store_true", help="2 grids, 21 days, one seed")
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    grids, days, seeds = (2, 21, "1") if asked.quick else (asked.grids, asked.days, asked.seeds)
    runs = [measure(hours, int(seed), grids, days) for hours in HOURS for seed in seeds.split(",")]
    if asked.json:
        print(json.dumps(runs, ensure_ascii=False, indent=1))
    else:
        table(runs)


if __name__ == "__main__":
    main()
