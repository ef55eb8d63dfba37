"""A certificate authority of our own, for phones in the office's network: without https they keep nothing offline.

The authority's key stays in the data folder. It is allowed to vouch for the named hosts only, so that a phone which
trusts it trusts nobody else by it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gridmap.errors import BadInput

YEARS = 10  # of the authority
MOST_DAYS = 825  # what browsers accept of a server
AUTHORITY = "gridmap 本地证书"
Host = str | IPv4Address | IPv6Address


@dataclass(frozen=True)
class Made:
    """Where the files are: the authority's certificate for phones; chain and key for the server."""

    authority: Path
    certificate: Path
    key: Path
    until: dt.date


def hosts_of(names: list[str]) -> list[Host]:
    """Return names and addresses as certificates hold them.

    Raises
    ------
    BadInput
        When one is neither.
    """
    found: list[Host] = []
    for name in names:
        try:
            found.append(ip_address(name))
        except ValueError:
            labels = name.lower().split(".")
            if len(name) > 253 or not all(
                0 < len(part) <= 63 and part.isascii() and part.replace("-", "").isalnum() for part in labels
            ):
                raise BadInput("“%(name)s”不是域名或 IP 地址", name=name) from None
            found.append(name.lower())
    return found


def _general(host: Host) -> x509.GeneralName:
    return x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host)


def _permitted(host: Host) -> x509.GeneralName:
    if isinstance(host, str):
        return x509.DNSName(host)
    network = ip_network(host)
    assert isinstance(network, IPv4Network | IPv6Network)  # noqa: S101 - of one address
    return x509.IPAddress(network)


def _named(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, at: dt.datetime, until: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - dt.timedelta(days=1))  # a phone's clock may be behind
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(key: ec.EllipticCurvePrivateKey, hosts: list[Host], at: dt.datetime) -> x509.Certificate:
    name = _named(AUTHORITY)
    return (
        _begun(name, name, key, at, at + dt.timedelta(days=366 * YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints([_permitted(host) for host in hosts], None), critical=True)
        .sign(key, SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey,
    hosts: list[Host],
    authority: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
    at: dt.datetime,
    days: int,
) -> x509.Certificate:
    return (
        _begun(_named(str(hosts[0])[:64]), authority.subject, key, at, at + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, SHA256())
    )


def _write(path: Path, content: bytes) -> None:
    """Put a file in its place at once, readable by its owner only."""
    descriptor, fresh = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
    Path(fresh).replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _known(
    folder: Path, hosts: list[Host], at: dt.datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """Return the authority that phones trust already, if it may vouch for all hosts; else a new one is needed."""
    with contextlib.suppress(FileNotFoundError, ValueError, x509.ExtensionNotFound):
        certificate = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
        key = load_pem_private_key((folder / "authority-key.pem").read_bytes(), None)
        allowed = certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        lasts = certificate.not_valid_after_utc > at + dt.timedelta(days=MOST_DAYS)
        if isinstance(key, ec.EllipticCurvePrivateKey) and lasts and {_permitted(h) for h in hosts} <= set(allowed):
            return certificate, key
    return None


def make(folder: Path, names: list[str], *, days: int, at: dt.datetime) -> Made:
    """Make a server's certificate for some names and addresses, and the authority behind it at the first time.

    Raises
    ------
    BadInput
        When a name is none, or the days are more than browsers accept.
    """
    hosts = hosts_of(names)
    if not hosts or not 1 <= days <= MOST_DAYS:
        raise BadInput("证书要写明域名或地址，有效期 1 到 %(most)s 天", most=MOST_DAYS)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = _known(folder, hosts, at)
    signer = known[1] if known else ec.generate_private_key(ec.SECP256R1())
    authority = known[0] if known else _authority(signer, hosts, at)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _server(key, hosts, authority, signer, at, days)
    made = Made(
        folder / "authority.pem",
        folder / "server.pem",
        folder / "server-key.pem",
        certificate.not_valid_after_utc.date(),
    )
    authority_pem = authority.public_bytes(Encoding.PEM)
    _write(folder / "authority-key.pem", _pem(signer))
    _write(made.authority, authority_pem)
    _write(made.key, _pem(key))
    _write(made.certificate, certificate.public_bytes(Encoding.PEM) + authority_pem)
    return made
