"""One ground for all drills."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drills.ground import Ground, ground


@pytest.fixture(scope="session")
def field() -> Iterator[Ground]:
    """Yield a real server over a cluster on disk."""
    with ground() as made:
        yield made
