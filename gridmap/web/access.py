"""Who may call which route: declared on the view, asked before every request, closed unless declared.

>>> @blueprint.get("/coverage")
... @allow(Role.SECRETARY, Role.CLERK)
... def overview() -> str: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Flask

from gridmap.domain.actors import Role

ANYONE: Final = "anyone"
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """What a view declares.

    Attributes
    ----------
    roles : the roles that may call it.
    anyone : also a visitor who is not signed in.
    api : a program calls it: errors are JSON, and a POST carries JSON with the header ``X-Gridmap``.
    largest : bytes of the body, where files are handed in; 0 = as everywhere.
    """

    roles: frozenset[Role]
    anyone: bool = False
    api: bool = False
    largest: int = 0


def allow(*who: Role | str, api: bool = False, largest: int = 0) -> Callable[[View], View]:
    """Declare who may call a view: some roles, or ``ANYONE``."""
    anyone = ANYONE in who
    rule = Rule(frozenset(Role) if anyone else frozenset(Role(role) for role in who), anyone, api, largest)

    def declare(view: View) -> View:
        view.allowed = rule  # type: ignore[attr-defined]
        return view

    return declare


def rule_of(app: Flask, endpoint: str | None) -> Rule | None:
    """Return what the view behind an endpoint declares, or None: then nobody may."""
    view = app.view_functions.get(endpoint) if endpoint else None
    rule = getattr(view, "allowed", None)
    return rule if isinstance(rule, Rule) else None
