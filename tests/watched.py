"""A page of a real browser, and what went wrong on it; used by the browser tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from playwright.sync_api import Page, ViewportSize

from gridmap.settings import VENDOR
from gridmap.store.database import Database

CHROMIUM = "/usr/bin/chromium"
# The last list of switched-off features counts, so Playwright's own stands here again. The three of the omnibox are
# ours: without a window nobody sees their two pages, and each new page of a test would load both (0.8 s, else 0.3).
OFF = (
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,"
    "OptimizationHints,PaintHolding,PreconnectToSearch,ThirdPartyStoragePartitioning,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={OFF}",
]

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROW: ViewportSize = {"width": 320, "height": 640}

AXE = (VENDOR / "axe-core" / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Page
    base: str
    trouble: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a page and wait until its map is there."""
        self.page.goto(self.base + path)
        self.ready()
        return self.page

    def ready(self) -> None:
        """Wait until the map of the page is there and quiet."""
        self.page.wait_for_selector("html[data-ready]", timeout=15_000)
        self.page.wait_for_load_state("networkidle")

    def settled(self) -> None:
        """Wait until the panel has changed."""
        self.page.wait_for_selector("#panel:not(.loading)")
        self.page.wait_for_load_state("networkidle")


@dataclass(frozen=True)
class Live:
    """A server that answers on this machine."""

    base: str
    database: Database
    community_id: int
    at: datetime


Opener = Callable[..., Watched]


def findings(page: Page) -> list[str]:
    """Return what axe finds on a page, one line for each rule and element."""
    page.evaluate(AXE)
    told: dict[str, Any] = page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{rule['id']}: {node['html'][:120]} {node['failureSummary'][:160]}"
        for rule in told["violations"]
        for node in rule["nodes"]
    ]
