"""Who asks: a person with a role in one community, or a job of the program itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles a signed-in person can have."""

    SECRETARY = "secretary"
    WORKER = "worker"
    PLANNER = "planner"
    CLERK = "clerk"
    DRIVER = "driver"
    ADMIN = "admin"


class Machine(StrEnum):
    """The program itself, when no person is signed in."""

    VISITOR = "visitor"  # before sign-in: may only prove who he is
    JOB = "job"  # loads and recomputes inside one community
    OPERATOR = "operator"  # the command line on the server: communities and accounts


@dataclass(frozen=True)
class Actor:
    """Somebody who asks for something.

    Attributes
    ----------
    role : a person's role, or which part of the program asks.
    community_id : the one community this actor can see; 0 for none.
    grid_ids : the grids a worker is assigned to today; ignored for other roles, who see all grids.
    account_id : 0 for the program itself.
    worker_id : the worker whose account this is; 0 for everybody else.
    proof : what a visitor shows: a token's hash in hex or a username, so that he sees that one row only.
    """

    role: Role | Machine
    community_id: int = 0
    grid_ids: frozenset[int] = frozenset()
    account_id: int = 0
    name: str = ""
    proof: str = ""
    worker_id: int = 0

    @property
    def scope(self) -> str:
        """Name what this actor may see on a map: equal scopes get equal bytes."""
        if self.role is Role.WORKER:
            return "g" + "-".join(str(i) for i in sorted(self.grid_ids)) if self.grid_ids else "g0"
        return str(self.role)
