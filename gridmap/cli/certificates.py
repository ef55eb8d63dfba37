"""Https in the office's own network: ``gridmap cert``; and the keys phones seal to: ``gridmap keys``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from gridmap.cli import edge
from gridmap.files import keyring
from gridmap.ops import certificates

HOW = """
手机上 / on each phone, once:
  1. 把 {authority} 发到手机（不含任何密钥）/ send this file to the phone (no secret in it)
  2. 安卓：设置 - 安全 - 加密与凭据 - 安装证书 - CA 证书
     Android: Settings - Security - Encryption & credentials - Install a certificate - CA certificate
  3. iPhone：打开文件安装描述文件，再到 设置 - 通用 - 关于本机 - 证书信任设置 打开它
     iPhone: open it, install the profile, then Settings - General - About - Certificate Trust Settings

提供网页 / serve:
  GRIDMAP_HOSTS={hosts} scripts/gridmap serve --certificate {certificate} --key {key} --listen {listen}
"""


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME-OR-IP...")
@click.option("--days", default=certificates.MOST_DAYS, show_default=True, help="有效天数 / days it is valid")
def cert(names: tuple[str, ...], days: int) -> None:
    """为局域网里的手机签发证书 / make a certificate for phones in the office's network."""
    folder = edge.settings().home / "keys" / "tls"
    made = certificates.make(folder, list(names), days=days, at=datetime.now(UTC))
    click.echo(f"✓ {made.certificate}   {', '.join(names)}   有效至 / until {made.until}")
    listen = next((name for name in names if name.replace(".", "").isdigit() or ":" in name), "0.0.0.0")  # noqa: S104
    click.echo(
        HOW.format(
            authority=made.authority,
            certificate=made.certificate,
            key=made.key,
            hosts=",".join(names),
            listen=listen,
        )
    )


@click.group()
def keys() -> None:
    """密钥 / keys."""


@keys.command("rotate-outbox")
def rotate_outbox() -> None:
    """更换手机封存记录用的钥匙 / make a new key for phones to seal to; the old ones still open what was sealed."""
    settings = edge.settings()
    click.echo(f"✓ {keyring.rotate(settings)}   {settings.home / keyring.FOLDER}")
