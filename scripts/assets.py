#!/usr/bin/env python3
"""Copy the few front-end files that gridmap serves from node_modules to gridmap/static/vendor.

Writes licences beside them and ``assets.json`` with a SHA-256 per file, which gives each URL its version.
Run by scripts/demo and scripts/test; third-party code is not committed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "gridmap" / "static" / "vendor"
FILES = {
    "leaflet": ["dist/leaflet.js", "dist/leaflet.css", "dist/images/*.png", "LICENSE"],
    "idb": ["build/index.js", "LICENSE"],
    "protomaps-leaflet": ["dist/protomaps-leaflet.js", "LICENSE"],
    "bootstrap-icons": ["LICENSE"],
    "@fontsource-variable/noto-sans-sc": ["wght.css", "files/*wght-normal.woff2", "LICENSE"],
    "axe-core": ["axe.min.js", "LICENSE"],
}
# For paper only, never sent to a browser: typst reads whole static fonts, not the sliced ones of the pages.
PRINT_FILES = {
    "@embedpdf/fonts-sc": ["fonts/NotoSansHans-Regular.otf", "fonts/NotoSansHans-Bold.otf", "LICENSE"],
}
# Drawn from one sprite: <svg><use href=".../icons.svg#NAME"/></svg>
ICONS = (ROOT / "gridmap" / "static" / "icons.txt").read_text("utf-8").split()


def draw_sprite(target: Path) -> None:
    """Put the named icons as symbols into one SVG file; a name that does not exist is an error."""
    symbols = []
    for name in ICONS:
        text = (MODULES / "bootstrap-icons" / "icons" / f"{name}.svg").read_text("utf-8")
        body = text[text.index(">") + 1 : text.rindex("</svg>")].strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 16 16">{body}</symbol>')
    target.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" fill="currentColor">' + "".join(symbols) + "</svg>", "utf-8"
    )


def copy_package(package: str, patterns: list[str], target: Path) -> dict[str, str]:
    """Copy the files of one package; return its part of the table path -> SHA-256."""
    table = {}
    for pattern in patterns:
        found = sorted((MODULES / package).glob(pattern))
        if not found:
            raise SystemExit(f"{package}: {pattern} is not in this release")
        for source in found:
            name = Path(package.split("/")[-1], source.relative_to(MODULES / package))
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
            table[name.as_posix()] = hashlib.sha256(source.read_bytes()).hexdigest()
    return table


def main() -> None:
    """Fill a new folder, then put it in place of the old one."""
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    table: dict[str, str] = {}
    versions = {}
    printed: dict[str, str] = {}
    for package, patterns in (FILES | PRINT_FILES).items():
        (table if package in FILES else printed).update(copy_package(package, patterns, fresh))
        about = json.loads((MODULES / package / "package.json").read_text("utf-8"))
        versions[package] = {"version": about["version"], "licence": about["license"]}
    sprite = fresh / "bootstrap-icons" / "icons.svg"
    draw_sprite(sprite)
    table["bootstrap-icons/icons.svg"] = hashlib.sha256(sprite.read_bytes()).hexdigest()
    about_all = {"packages": versions, "files": table, "print": printed}
    (fresh / "assets.json").write_text(json.dumps(about_all, indent=1), "utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)
    print(f"{len(table) + len(printed)} files from {len(versions)} packages")


if __name__ == "__main__":
    main()
