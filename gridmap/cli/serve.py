"""Serve the maps: ``gridmap serve`` for a community at work, ``gridmap demo`` for a first look."""

from __future__ import annotations

import errno
import importlib
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gridmap.cli import edge
from gridmap.cli.edge import HOST
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.errors import BadInput, GridmapError, SetupFault
from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import ready_database
from gridmap.services import accounts, communities

PORTS_TO_TRY = 50
WATCH_EVERY_S = 3.0
STOP_WITHIN_S = 5  # a process that is told to stop while it still starts does not hear it
APP_MODULE = "gridmap.cli.server"

console = Console(stderr=True)


@dataclass(frozen=True)
class Listening:
    """Where a server listens, and with which certificate; without one it speaks plain http."""

    address: str = HOST
    certificate: Path | None = None
    key: Path | None = None

    def url(self, port: int) -> str:
        """Return where the pages are."""
        return f"{'https' if self.certificate else 'http'}://{self.address}:{port}/"


def free_port(first: int, address: str = HOST) -> int:
    """Return the first port from ``first`` on that nobody listens on.

    Raises
    ------
    SetupFault
        When none of the next ``PORTS_TO_TRY`` is free.
    """
    for port in range(first, min(first + PORTS_TO_TRY, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise SetupFault("这台机器没有地址 %(address)s", address=address) from error
                continue
            return port
    raise SetupFault("从 %(first)s 起的端口都被占用，请用 --port 另选一个", first=first)


def keep_awake(cluster: Cluster) -> None:
    """Wake the private cluster again when its server was killed; pages answer 503 meanwhile."""
    while True:
        time.sleep(WATCH_EVERY_S)
        if not cluster.server_pid():
            try:
                cluster.start()
            except GridmapError as error:
                console.print(f"[yellow]![/] {error}")


def run_server(port: int, at: Listening) -> None:
    """Serve until told to stop."""
    from granian.constants import Interfaces, SSLProtocols
    from granian.log import LogLevels
    from granian.server import Server

    settings = edge.settings()
    importlib.import_module(APP_MODULE)  # once, here: the server's processes are forks and start with it
    Server(
        f"{APP_MODULE}:make_app",
        factory=True,
        address=at.address,
        port=port,
        ssl_cert=at.certificate,
        ssl_key=at.key,
        ssl_protocol_min=SSLProtocols.tls12,  # phones before Android 10
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backpressure=settings.threads * 4,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_WITHIN_S,
        log_level=LogLevels.error,
    ).serve()


def serve_until_stopped(port: int, *, woken: bool, at: Listening = Listening()) -> None:
    """Serve and watch the private cluster; let it sleep again when we woke it."""
    settings = edge.settings()
    if settings.database_url:
        run_server(port, at)
        return
    cluster = Cluster(settings.home)
    threading.Thread(target=keep_awake, args=[cluster], daemon=True).start()
    try:
        run_server(port, at)
    finally:
        if woken:
            cluster.stop()


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="端口；被占用时用下一个 / port; the next free one is used")
@click.option(
    "--listen", default=HOST, show_default=True, help="监听的地址；局域网需要 --certificate / address to listen on"
)
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="证书链 / chain, PEM")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="证书的密钥 / its key, PEM")
def serve(port: int | None, listen: str, certificate: Path | None, key: Path | None) -> None:
    """提供网页；默认只在 127.0.0.1 / serve until stopped, on 127.0.0.1 unless told otherwise."""
    at = listening(listen, certificate, key)
    woken = ready_database(edge.settings()).woken
    chosen = free_port(port or edge.settings().port, at.address)
    console.print(f"[green]✓[/] {at.url(chosen)}   (Ctrl-C 停止 / to stop)")
    serve_until_stopped(chosen, woken=woken, at=at)


def listening(address: str, certificate: Path | None, key: Path | None) -> Listening:
    """Return where to listen.

    Raises
    ------
    BadInput
        When the address is none, half a certificate is named, or people's data would cross a network in plain text.
    """
    try:
        parsed = ip_address(address)
    except ValueError as error:
        raise BadInput("--listen 要写这台机器的 IP 地址") from error
    if (certificate is None) != (key is None):
        raise BadInput("--certificate 和 --key 要一起写")
    if certificate is None and not parsed.is_loopback and not edge.settings().insecure_http:
        raise BadInput("局域网地址要有证书：先运行 gridmap cert %(address)s", address=address)
    return Listening(address, certificate, key)


@click.command()
def sleep() -> None:
    """让私有数据库休眠 / stop the private database until it is needed again."""
    Cluster(edge.settings().home).stop()


def load_demo(*, fresh: bool) -> int:
    """Return the demo community's id, loading it first when it is not there or was left half finished."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task("演示社区 / demo community", total=1.0)
        return communities.ready_demo(
            edge.transaction,
            fresh=fresh,
            progress=lambda sentence, share: bar.update(task, description=sentence, completed=share),
        )


def sign_in_links(community_id: int, port: int) -> list[tuple[Role, str, str]]:
    """Return (role, name, one-time link) for each role."""
    operator = Actor(Machine.OPERATOR, community_id)
    with edge.transaction(operator) as con:
        accounts.ensure_demo_accounts(con, operator, community_id)
        made = [(role, *accounts.make_link(con, operator, community_id=community_id, role=role)) for role in Role]
    return [(role, name, f"http://{HOST}:{port}/sign-in/{token}") for role, name, token in made]


def show_links(links: list[tuple[Role, str, str]]) -> None:
    """Print the links, each on a line of its own so that a terminal makes it clickable."""
    table = Table(show_header=False, box=None)
    for role, name, url in links:
        table.add_row(str(role), name, url)
    Console(width=200).print(table)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="端口 / port")
@click.option("--fresh", is_flag=True, help="重新装入演示社区 / load the demo community anew")
@click.option("--check", is_flag=True, help="以每个角色访问每个页面后退出 / visit every page as every role, then stop")
def demo(port: int | None, *, fresh: bool, check: bool) -> None:
    """装入并打开演示社区 / load the demo community and serve it."""
    os.environ["GRIDMAP_DEMO"] = "1"
    edge.settings.cache_clear()
    began = time.monotonic()
    woken = ready_database(edge.settings()).woken
    console.print("[green]✓[/] 数据库 / database")
    community_id = load_demo(fresh=fresh)
    console.print("[green]✓[/] 演示社区（全部虚构）/ demo community (all of it invented)")
    chosen = free_port(port or edge.settings().port)
    if check:
        sys.exit(check_then_stop(community_id, chosen, woken=woken))
    show_links(sign_in_links(community_id, chosen))
    console.print(f"[green]✓[/] http://{HOST}:{chosen}/   {time.monotonic() - began:.1f} s   (Ctrl-C 停止 / to stop)")
    edge.database().close()
    serve_until_stopped(chosen, woken=woken)


def check_then_stop(community_id: int, port: int, *, woken: bool) -> int:
    """Visit every page as every role; leave the machine as it was found."""
    from gridmap.cli.check import check_every_page

    try:
        return check_every_page(community_id, port)
    finally:
        edge.database().close()
        if woken and not edge.settings().database_url:
            Cluster(edge.settings().home).stop()
