"""Accounts at the command line: ``gridmap sign-in-link`` and ``gridmap user``, for who runs the server."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.domain.actors import Role
from gridmap.errors import BadInput
from gridmap.services import accounts

ROLE = click.Choice([str(role) for role in Role])
COMMUNITY = click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
JSON = click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")


def _password(*, from_stdin: bool) -> str:
    """Ask twice for a password, or read it from standard input; never from the command line, which others can see."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt("密码 / password", hide_input=True, confirmation_prompt=True)
    return asked


@click.command("sign-in-link")
@click.argument("role", type=ROLE)
@COMMUNITY
@click.option(
    "--grid", "grid_code", default=None, metavar="CODE", help="网格编码：该网格的网格员 / the worker of a grid"
)
@click.option("--port", type=click.IntRange(1, 65535), help="服务的端口 / port of the server")
@JSON
def sign_in_link(role: str, code: str, grid_code: str | None, port: int | None, *, as_json: bool) -> None:
    """取一个一次性登录链接，12 小时内有效 / print a one-time sign-in link."""
    if grid_code and role != Role.WORKER:
        raise BadInput("--grid 只用于网格员")
    settings = edge.settings()
    with edge.transaction(OPERATOR) as con:
        community_id, _ = accounts.find_community(con, OPERATOR, code)
        if settings.demo:
            accounts.ensure_demo_accounts(con, OPERATOR, community_id)
        name, token = accounts.make_link(con, OPERATOR, community_id=community_id, role=Role(role), grid_code=grid_code)
    url = f"http://127.0.0.1:{port or settings.port}/sign-in/{token}"
    if as_json:
        edge.print_json({"role": role, "name": name, "url": url})
    else:
        click.echo(url)


@click.group()
def user() -> None:
    """账号 / accounts."""


@user.command("add")
@click.argument("username")
@click.option("--role", type=ROLE, required=True, help="角色 / role")
@click.option("--name", required=True, help="姓名 / name")
@COMMUNITY
@click.option("--grid", "grid_code", default=None, metavar="CODE", help="网格员所在网格的编码 / a worker's grid")
@click.option("--password", "with_password", is_flag=True, help="设一个密码（会询问）/ ask for a password")
@click.option("--password-stdin", is_flag=True, help="从标准输入读密码 / read the password from standard input")
@JSON
def add(
    username: str,
    role: str,
    name: str,
    code: str,
    grid_code: str | None,
    *,
    with_password: bool,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """建立账号；没有密码时只能用登录链接进入 / make an account."""
    password = _password(from_stdin=password_stdin) if with_password or password_stdin else None
    with edge.transaction(OPERATOR) as con:
        community_id, _ = accounts.find_community(con, OPERATOR, code)
        made = accounts.add(
            con,
            OPERATOR,
            community_id=community_id,
            username=username,
            name=name,
            role=Role(role),
            password=password,
            grid_code=grid_code,
        )
    if as_json:
        edge.print_json({"id": made, "username": accounts.clean_username(username), "role": role})
    else:
        click.echo(f"✓ {accounts.clean_username(username)} ({role})")


@user.command("list")
@JSON
def list_accounts(*, as_json: bool) -> None:
    """列出所有社区的账号 / list the accounts of all communities."""
    with edge.transaction(OPERATOR) as con:
        found = accounts.people(con, OPERATOR, at=datetime.now(UTC))
    if as_json:
        edge.print_json([asdict(one) for one in found])
        return
    table = Table("用户名", "姓名", "角色", "网格员", "登录数", "状态", box=None)
    for one in found:
        state = f"停用 {one.disabled_at:%Y-%m-%d}" if one.disabled_at else ""
        table.add_row(one.username, one.name, one.role, one.worker_name or "", str(one.sessions), state)
    Console().print(table)


@user.command("disable")
@click.argument("username")
@JSON
def disable(username: str, *, as_json: bool) -> None:
    """停用账号，所有登录立刻失效 / close an account at once."""
    _switch(username, disabled=True, as_json=as_json)


@user.command("enable")
@click.argument("username")
@JSON
def enable(username: str, *, as_json: bool) -> None:
    """恢复停用的账号 / open a closed account."""
    _switch(username, disabled=False, as_json=as_json)


def _switch(username: str, *, disabled: bool, as_json: bool) -> None:
    with edge.transaction(OPERATOR) as con:
        accounts.set_disabled(con, OPERATOR, username=username, disabled=disabled, at=datetime.now(UTC))
    _tell(username, {"disabled": disabled}, as_json=as_json)


@user.command("password")
@click.argument("username")
@click.option("--password-stdin", is_flag=True, help="从标准输入读密码 / read the password from standard input")
@JSON
def set_password(username: str, *, password_stdin: bool, as_json: bool) -> None:
    """设新密码，原有登录全部结束 / set a password and end every session."""
    password = _password(from_stdin=password_stdin)
    with edge.transaction(OPERATOR) as con:
        accounts.set_password(con, OPERATOR, username=username, password=password, at=datetime.now(UTC))
    _tell(username, {"password": "set"}, as_json=as_json)


def _tell(username: str, done: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        edge.print_json({"username": username, **done})
    else:
        click.echo(f"✓ {username}")
