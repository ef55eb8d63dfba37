#!/usr/bin/env python3
"""Draw the app's icons from gridmap/static/mark.svg; run after the mark has changed, the files are committed."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).resolve().parent.parent / "gridmap" / "static"
MARK = (STATIC / "mark.svg").read_text("utf-8")
FULL = MARK.replace(' rx="8"', "")  # phones cut their own shape
# name -> side in pixels, the mark, and the share of the side it takes: a maskable icon may lose a fifth all round
ICONS = {"192": (192, MARK, 1.0), "512": (512, MARK, 1.0), "maskable": (512, FULL, 0.72), "touch": (180, FULL, 0.86)}
PAGE = """<!doctype html><style>html, body {{ margin: 0; background: {ground}; }}
svg {{ display: block; width: {inner}px; height: {inner}px; padding: {edge}px; }}</style>{mark}"""


def main() -> None:
    """Draw each icon in a browser and write it as PNG."""
    folder = STATIC / "icons"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, (side, mark, share) in ICONS.items():
            page = browser.new_page(viewport={"width": side, "height": side})
            inner = round(side * share)
            ground = "transparent" if mark is MARK else "#b3261e"
            page.set_content(PAGE.format(ground=ground, inner=inner, edge=(side - inner) / 2, mark=mark))
            page.screenshot(path=folder / f"{name}.png", omit_background=mark is MARK)
        browser.close()


if __name__ == "__main__":
    main()
