"""Sign in, sign out, one's own sessions, and the administrator's page of accounts."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request
from flask import session as form_session
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.sessions import LONGEST
from gridmap.errors import NotFound
from gridmap.services import accounts
from gridmap.web import edge, forms
from gridmap.web.access import ANYONE, allow

blueprint = Blueprint("accounts", __name__)

# What a browser calls itself -> what people call it; the first that fits.
BROWSERS = [
    ("MicroMessenger", "微信"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("HuaweiBrowser", "华为浏览器"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
]
SYSTEMS = [
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
]


def _device() -> str:
    """Return which browser on which machine this is, so that people recognise their own sessions."""
    told = request.user_agent.string
    found = [next((word for mark, word in table if mark in told), "") for table in (BROWSERS, SYSTEMS)]
    return " · ".join(word for word in found if word)


def _enter(token: str, target: str) -> ResponseReturnValue:
    """Hand out a new session; whatever session the browser had before is ended."""
    if old := accounts.fingerprint(edge.token()):
        visitor = Actor(Machine.VISITOR, proof=old)
        with edge.transaction(visitor) as con:
            accounts.sign_out(con, visitor, at=edge.now())
    form_session.clear()
    response = make_response(redirect(target, 303))
    settings = edge.world().settings
    response.set_cookie(
        edge.cookie_name(settings),
        token,
        max_age=int(LONGEST.total_seconds()),
        secure=not settings.insecure_http,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


@blueprint.get("/sign-in")
@allow(ANYONE)
def sign_in_page() -> ResponseReturnValue:
    """Show the form."""
    return render_template("accounts/sign_in.html", sentence="", back=forms.back(request.args))


@blueprint.post("/sign-in")
@allow(ANYONE)
def sign_in() -> ResponseReturnValue:
    """Check name and password; a wrong one costs a try and a moment."""
    username = accounts.clean_username(request.form.get("username", ""))
    target = forms.back(request.form)
    with edge.transaction(edge.VISITOR) as con:
        accounts.admit_try(
            con,
            edge.VISITOR,
            username=username,
            address=request.remote_addr or "::",
            at=edge.now(),
        )
    visitor = Actor(Machine.VISITOR, proof=username)
    with edge.transaction(visitor) as con:
        token = accounts.sign_in(
            con, visitor, password=request.form.get("password", ""), device=_device(), at=edge.now()
        )
    if token:
        return _enter(token, target)
    sentence = gettext("用户名或密码不对")
    return render_template("accounts/sign_in.html", sentence=sentence, back=target), 401


@blueprint.get("/sign-in/<token>")
@allow(ANYONE)
def link_page(token: str) -> ResponseReturnValue:
    """Show whose link it is and one button: what only looks at links, as chat programs do, does not use it up."""
    visitor = Actor(Machine.VISITOR, proof=accounts.fingerprint(token))
    with edge.transaction(visitor) as con:
        name, role = accounts.see_link(con, visitor, at=edge.now())
    return render_template("accounts/link.html", name=name, role=role)


@blueprint.post("/sign-in/<token>")
@allow(ANYONE)
def use_link(token: str) -> ResponseReturnValue:
    """Use the link up."""
    visitor = Actor(Machine.VISITOR, proof=accounts.fingerprint(token))
    with edge.transaction(visitor) as con:
        made = accounts.use_link(con, visitor, device=_device(), at=edge.now())
    return _enter(made, "/")


@blueprint.post("/sign-out")
@allow(ANYONE)
def sign_out() -> ResponseReturnValue:
    """Sign out, and have the browser forget what it kept of us: everything, when the page says that nothing is unsent.

    A page that could not look leaves records of a visit where they are: they are sealed, and sent when their owner
    signs in again. What was kept to look at, the page itself has removed.
    """
    visitor = Actor(Machine.VISITOR, proof=accounts.fingerprint(edge.token()))
    with edge.transaction(visitor) as con:
        accounts.sign_out(con, visitor, at=edge.now())
    form_session.clear()
    response = make_response(redirect("/sign-in", 303))
    settings = edge.world().settings
    response.delete_cookie(
        edge.cookie_name(settings), secure=not settings.insecure_http, httponly=True, samesite="Lax", path="/"
    )
    nothing_unsent = request.form.get("clean") == "1"
    response.headers["Clear-Site-Data"] = '"cache", "storage"' if nothing_unsent else '"cache"'
    return response


@blueprint.get("/account")
@allow(*Role)
def own() -> ResponseReturnValue:
    """Show where one is signed in, with switches for language and text size."""
    with edge.transaction() as con:
        sessions = accounts.own_sessions(con, edge.actor(), at=edge.now())
    return render_template("accounts/own.html", sessions=sessions, current=_mark())


@blueprint.post("/account/sessions/<mark>/end")
@allow(*Role)
def end_own(mark: str) -> ResponseReturnValue:
    """End one of one's own sessions."""
    with edge.transaction() as con:
        accounts.end_own_session(con, edge.actor(), mark, at=edge.now())
    return redirect("/account", 303)


@blueprint.get("/admin")
@allow(Role.ADMIN)
def people() -> ResponseReturnValue:
    """List accounts and who is signed in."""
    with edge.transaction() as con:
        everybody = accounts.people(con, edge.actor(), at=edge.now())
        sessions = accounts.all_sessions(con, edge.actor(), at=edge.now())
    names = {one.id: one.name for one in everybody}
    return render_template("accounts/people.html", people=everybody, sessions=sessions, names=names, current=_mark())


@blueprint.post("/admin/accounts/<int:account_id>/disable")
@allow(Role.ADMIN)
def disable(account_id: int) -> ResponseReturnValue:
    """Close an account and throw its sessions out."""
    with edge.transaction() as con:
        accounts.disable(con, edge.actor(), account_id, at=edge.now())
    return redirect("/admin", 303)


@blueprint.post("/admin/accounts/<int:account_id>/enable")
@allow(Role.ADMIN)
def enable(account_id: int) -> ResponseReturnValue:
    """Open an account again."""
    with edge.transaction() as con:
        accounts.enable(con, edge.actor(), account_id, at=edge.now())
    return redirect("/admin", 303)


@blueprint.post("/admin/accounts/<int:account_id>/end-sessions")
@allow(Role.ADMIN)
def end_all(account_id: int) -> ResponseReturnValue:
    """End every session of an account."""
    with edge.transaction() as con:
        accounts.end_sessions(con, edge.actor(), account_id, at=edge.now())
    return redirect("/admin", 303)


@blueprint.post("/admin/accounts/<int:account_id>/sessions/<mark>/end")
@allow(Role.ADMIN)
def end_one(account_id: int, mark: str) -> ResponseReturnValue:
    """End one session of an account."""
    with edge.transaction() as con:
        if not accounts.end_sessions(con, edge.actor(), account_id, at=edge.now(), mark=mark):
            raise NotFound("没有这个登录，或它已经结束")
    return redirect("/admin", 303)


def _mark() -> str:
    """Return the mark of the session in use."""
    return accounts.fingerprint(edge.token())[:16]
