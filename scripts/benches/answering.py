"""What learning when doors open is worth, on made-up quarters with a hidden truth; see ``tests/door_clock.py``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

# in place of this folder, whose coverage.py others would take for the library of that name
sys.path[0] = str(Path(__file__).resolve().parents[2] / "tests")

import door_clock  # noqa: E402 - it lies there

WAYS = {
    "offered": ("nearest", "nearest_usual", "nearest_evening", "close", "even", "learned", "knowing"),
    "given": ("nearest", "close", "even", "learned", "knowing"),
}


def measure(hours: str, seed: int, grids: int, days: int) -> dict[str, Any]:
    """Return what the ways of working led to in one quarter."""
    begin = time.perf_counter()
    found = door_clock.simulate(grids=grids, days=days, seed=seed, choice=hours, ways=WAYS[hours])
    rate = {o.way: o.per_hour for o in found}
    seconds = time.perf_counter() - begin
    print(f"{hours} {seed}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return {
        "hours": hours,
        "seed": seed,
        "grids": grids,
        "days": days,
        "gain": {f"{way} over {other}": rate[way] / rate[other] - 1
                 for way in ("learned", "knowing") for other in rate if other not in door_clock.KNOWS},
        "ways": [asdict(o) for o in found],
        "seconds": round(seconds, 1),
    }  # fmt: skip


def pooled(runs: list[dict[str, Any]], truth: bool) -> float:
    """Return the calibration error of all runs' knocks together, in percentage points."""
    name = "true_bins" if truth else "calibration"
    bins = [bin_ for run in runs for way in run["ways"] if way["way"] == "learned" for bin_ in way[name]]
    lots: dict[int, list[tuple[float, float, int]]] = {}
    for told, seen, n in bins:
        lots.setdefault(min(int(told * 10), 9), []).append((told, seen, n))
    off = [abs(sum((told - seen) * n for told, seen, n in lot)) for lot in lots.values()]
    return 100 * sum(off) / sum(n for *_, n in bins)


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what all runs come to, by hours."""
    found = {}
    for hours in dict.fromkeys(run["hours"] for run in runs):
        mine = [run for run in runs if run["hours"] == hours]
        gains = {name: [run["gain"][name] for run in mine] for name in mine[0]["gain"]}
        found[hours] = {
            "gain": {name: {"mean": sum(g) / len(g), "least": min(g), "most": max(g)} for name, g in gains.items()},
            "calibration_points": pooled(mine, truth=False),
            "calibration_points_true": pooled(mine, truth=True),
        }
    return found


def table(runs: list[dict[str, Any]]) -> None:
    """Print the figures for people."""
    print("hours   seed way              answered/h  worth/h  opened  knocks  overdue  moved  calibration: seen, true")
    for run in runs:
        for way in run["ways"]:
            rates = f"{way['per_hour']:10.2f}  {way['worth_per_hour']:7.0f}"
            line = f"{run['hours']:7} {run['seed']:4} {way['way']:16} {rates}  {way['opened']:6.1%}"
            error = f"{way['error_points']:.1f}, {way['error_true']:.1f}" if way["way"] == "learned" else "-"
            print(f"{line}  {way['knocks']:6}  {way['overdue_share']:7.1%}  {way['moved']:5.0%}  {error}")
    for hours, told in summary(runs).items():
        for name, gain in told["gain"].items():
            print(f"{hours:7} {name:32} {gain['mean']:+.1%} ({gain['least']:+.1%} to {gain['most']:+.1%})")
        points = f"seen {told['calibration_points']:.2f}, true {told['calibration_points_true']:.2f} points"
        print(f"{hours:7} calibration of all runs together: {points}")


def main() -> None:
    """Run the simulation."""
    options = argparse.ArgumentParser(prog="scripts/bench answering", description=__doc__)
    options.add_argument("--grids", type=int, default=3)
    options.add_argument("--days", type=int, default=28)
    options.add_argument("--seeds", default="1,2,3")
    options.add_argument("--hours", choices=list(WAYS), help="one of the two; both by default")
    options.add_argument("--quick", action="store_true", help="2 grids, 21 days, one seed")
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    grids, days, seeds = (2, 21, "1") if asked.quick else (asked.grids, asked.days, asked.seeds)
    chosen = [asked.hours] if asked.hours else list(WAYS)
    runs = [measure(hours, int(seed), grids, days) for hours in chosen for seed in seeds.split(",")]
    if asked.json:
        print(json.dumps({"summary": summary(runs), "runs": runs}, ensure_ascii=False, indent=1))
    else:
        table(runs)


if __name__ == "__main__":
    main()
