"""The first wall: which roles may have a wish granted. Every service calls ``require`` in its first line."""

from __future__ import annotations

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.errors import Forbidden, NotFound, SignInNeeded


def require(actor: Actor, *roles: Role | Machine) -> None:
    """Let the actor pass when his role is among ``roles``.

    Raises
    ------
    SignInNeeded
        When nobody is signed in.
    Forbidden
        When his role may not.
    """
    if actor.role in roles:
        return
    if actor.role is Machine.VISITOR:
        raise SignInNeeded("请先登录")
    raise Forbidden("您的角色不能使用这个功能")


def require_grid(actor: Actor, grid_id: int) -> None:
    """Let a worker pass for his own grids only: another's grid looks the same as one that does not exist.

    Raises
    ------
    NotFound
        When the grid is not his.
    """
    if actor.role is Role.WORKER and grid_id not in actor.grid_ids:
        raise NotFound("没有这个网格")
