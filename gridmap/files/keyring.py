"""The keys that open what phones sealed: one file in use, older ones kept for what was sealed before.

They lie in the data folder, readable by its owner only, outside the database and its backups: who takes a dump
cannot open an envelope, who takes a phone cannot either.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gridmap.domain.sealing import Key, key_of, new_pem
from gridmap.settings import Settings

CURRENT = "outbox.pem"
OLDER = "outbox-{}.pem"
FOLDER = "keys"
State = tuple[tuple[str, int], ...]


class Keyring:
    """The keys of one server, read again when one of their files changes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read: tuple[State, list[Key]] = ((), [])

    def _keys(self) -> list[Key]:
        """Return the key in use, then the older ones."""
        self._settings.kept(CURRENT, new_pem)
        folder = self._settings.home / FOLDER
        files = [folder / CURRENT, *sorted(folder.glob(OLDER.format("*")))]
        state = tuple((path.name, path.stat().st_mtime_ns) for path in files)
        if self._read[0] != state:
            self._read = (state, [key_of(path.read_text()) for path in files])
        return self._read[1]

    def current(self) -> Key:
        """Return the key phones seal to now."""
        return self._keys()[0]

    def find(self, kid: str) -> Key | None:
        """Return the key of an envelope, also an older one."""
        return next((key for key in self._keys() if key.kid == kid), None)


def rotate(settings: Settings) -> str:
    """Put the key in use aside and a new one in its place; return its kid. The old one still opens its envelopes."""
    folder = settings.home / FOLDER
    old = key_of(settings.kept(CURRENT, new_pem))
    aside = folder / OLDER.format(old.kid)
    if not aside.exists():
        os.link(folder / CURRENT, aside)
    descriptor, fresh = tempfile.mkstemp(dir=folder)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(made := new_pem())
    Path(fresh).replace(folder / CURRENT)
    return key_of(made).kid
