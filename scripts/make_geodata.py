"""Draw the demo town and write it to geodata/: the same seed gives the same bytes.

scripts/make_geodata.py [--seed 7] [--out geodata/nanshan]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gridmap.domain.invention import invent_town
from gridmap.files.towns import write_town


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "geodata" / "nanshan")
    options = parser.parse_args()
    town = invent_town(options.seed)
    write_town(town, options.out)
    print(f"{len(town.buildings)} buildings, {len(town.grids)} grids -> {options.out}")


if __name__ == "__main__":
    main()
