"""A page of a real browser, and what went wrong on it; used by the browser tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from playwright.sync_api import Page, ViewportSize

from gridmap.store.database import Database

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROW: ViewportSize = {"width": 320, "height": 640}


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
