"""Which language a person reads: Chinese first; English for those who ask for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, request
from flask_babel import Babel

from gridmap.settings import TRANSLATIONS, Settings
from gridmap.web import edge

LANGUAGES = {"zh": "中文", "en": "English"}
YEAR_S = 365 * 86_400
LANGUAGE_COOKIE, TEXT_COOKIE = "gm-lang", "gm-text"


def language() -> str:
    """Return the language of this request: as just chosen, as chosen before, or as the browser prefers."""
    for chosen in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return chosen
    preferred = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((tag for tag in preferred if tag in LANGUAGES), "zh")


def large_text() -> bool:
    """Tell whether this person wants large text and large targets."""
    return (request.args.get("text") or request.cookies.get(TEXT_COOKIE)) == "large"


def keep_choices(response: Response, settings: Settings) -> Response:
    """Remember a language or a text size chosen in the address; neither says who somebody is."""
    choices = {LANGUAGE_COOKIE: ("lang", set(LANGUAGES)), TEXT_COOKIE: ("text", {"large", "normal"})}
    for cookie, (name, allowed) in choices.items():
        chosen = request.args.get(name, "")
        if chosen in allowed:
            response.set_cookie(
                cookie, chosen, max_age=YEAR_S, secure=not settings.insecure_http, httponly=True, samesite="Lax"
            )
    return response


def local_time(moment: datetime) -> str:
    """Return a moment as the community's own clocks show it."""
    found = edge.session()
    zone = ZoneInfo(found.here.timezone) if found else UTC
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def register(app: Flask, settings: Settings) -> None:
    """Set the languages up, and tell templates which one it is."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, default_locale="zh", default_timezone="UTC", locale_selector=language)

    @app.context_processor
    def context() -> dict[str, Any]:
        return {"lang": language(), "languages": LANGUAGES, "large_text": large_text()}

    app.jinja_env.filters["local_time"] = local_time

    @app.after_request
    def remember(response: Response) -> Response:
        return keep_choices(response, settings)
