"""What can go wrong, told in one sentence a person can act on.

Each error carries a Chinese sentence (the msgid; English comes from the catalogue) and the values for its
placeholders. ``web/faults.py`` is the only table from error to HTTP status, ``cli`` the only one to exit codes.
"""

from __future__ import annotations


def N_(sentence: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a sentence for the catalogue where it is kept before it is told."""
    return sentence


class GridmapError(Exception):
    """Base of all errors meant for a person.

    Parameters
    ----------
    sentence : str
        Chinese, with ``%(name)s`` placeholders; a person must know from it what to do.
    **values
        Values for the placeholders. Never a resident's name or number.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.values = values

    def __str__(self) -> str:
        return self.sentence % self.values if self.values else self.sentence


class BadInput(GridmapError):
    """What was entered cannot be used; the sentence says which part and why."""


class NotFound(GridmapError):
    """It does not exist, or this person may not know that it does."""


class Forbidden(GridmapError):
    """This role may not do this."""


class SignInNeeded(GridmapError):
    """Nobody is signed in, or the session has ended."""


class TooManyTries(GridmapError):
    """A limit on guessing was reached; ``retry_s`` says when to try again."""

    def __init__(self, sentence: str, retry_s: int, **values: object) -> None:
        super().__init__(sentence, retry_s=retry_s, **values)
        self.retry_s = retry_s


class Conflict(GridmapError):
    """Somebody else changed it meanwhile."""


class Unavailable(GridmapError):
    """The database or another part we need does not answer just now."""


class SetupFault(GridmapError):
    """This machine lacks something; the sentence names the command that repairs it."""
