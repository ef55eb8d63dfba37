"""What every answer carries and every unsafe request must show: headers, nonce, form token, own host."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest, Forbidden, UnsupportedMediaType

from gridmap.settings import Settings
from gridmap.web import edge

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST_BODY = 1_000_000  # bytes; files of a later release come by a door of their own
LONGEST_ADDRESS = 4_096  # bytes
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}';"
    " style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none';"
    " frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

csrf = CSRFProtect()


def csp_nonce() -> str:
    """Return this answer's nonce for inline scripts and styles."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    nonce: str = g.nonce
    return nonce


def put_headers(response: Response) -> Response:
    """Put the security headers on an answer; pages and people's data are kept by no cache."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=csp_nonce()))
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-store"
    return response


def refuse_forgery() -> None:
    """Refuse an unsafe request that another site may have sent.

    A browser tells where a request comes from; a form also carries our token, JSON a header that no other site can
    set without being asked first.

    Raises
    ------
    Forbidden
        When it comes from another site.
    UnsupportedMediaType
        When a program sends something else than JSON.
    """
    if request.method in SAFE_METHODS or request.routing_exception is not None:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in {None, "same-origin", "none"}:
        raise Forbidden
    if origin is not None and origin != request.host_url.rstrip("/"):
        raise Forbidden
    declared = edge.rule()
    if declared and declared.api:
        if not request.is_json or "X-Gridmap" not in request.headers:
            raise UnsupportedMediaType
        return
    csrf.protect()


def refuse_bad_form() -> None:
    """Refuse form fields that no keyboard makes: NUL and bytes that are not UTF-8.

    Raises
    ------
    BadRequest
        When there is one.
    """
    if request.method in SAFE_METHODS or request.is_json:
        return
    for key, value in request.form.items(multi=True):
        if "\x00" in key + value or "\ufffd" in key + value:
            raise BadRequest


def is_text(environ: WSGIEnvironment) -> bool:
    """Tell whether an address holds UTF-8 text without control characters, percent signs undone."""
    path = environ.get("PATH_INFO", "").encode("latin-1", "replace")
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    if not query.isascii():
        return False  # a browser sends percent signs
    for raw in (path, unquote_to_bytes(query)):
        if CONTROL.search(raw):
            return False
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return False
    return True


class Doorkeeper:
    """Answer only requests for our own host name, with an address that is text.

    Another name on our address is somebody's trick; bytes that are no text would fail wherever they are first read.
    """

    def __init__(self, app: WSGIApplication, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or refuse it in one plain sentence."""
        host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
        name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
        if name.lower() not in self.hosts:
            return self._refuse(start_response, "400 Bad Request", "请用 GRIDMAP_HOSTS 所列的地址访问\n")
        if len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", "")) > LONGEST_ADDRESS:
            return self._refuse(start_response, "414 URI Too Long", "地址太长了\n")
        if not is_text(environ):
            return self._refuse(start_response, "400 Bad Request", "请求的内容无法识别，请返回重试\n")
        return self.app(environ, start_response)

    @staticmethod
    def _refuse(start_response: StartResponse, status: str, sentence: str) -> Iterable[bytes]:
        body = sentence.encode()
        headers = {
            **HEADERS,
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
        }
        start_response(status, list(headers.items()))
        return [body]


def configure(app: Flask, settings: Settings) -> None:
    """Set cookies, limits and the form token's key."""
    secure = not settings.insecure_http
    app.config.update(
        SECRET_KEY=settings.secret("form-key"),
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        SESSION_COOKIE_NAME="__Host-gm-form" if secure else "gm-form",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,  # refuse_forgery asks, after the gate
        WTF_CSRF_SSL_STRICT=False,  # Origin and Sec-Fetch-Site take its place
        WTF_CSRF_TIME_LIMIT=12 * 3600,
    )


def register(app: Flask, settings: Settings) -> None:
    """Put these rules on every request and answer."""
    csrf.init_app(app)
    app.before_request(refuse_forgery)
    app.before_request(refuse_bad_form)
    app.after_request(put_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.wsgi_app = Doorkeeper(app.wsgi_app, frozenset(settings.hosts))  # type: ignore[method-assign]
