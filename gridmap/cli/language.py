"""In which language the command line tells what the pages also tell: Chinese, English where LANG asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import Flask
from flask_babel import Babel

from gridmap.settings import TRANSLATIONS

ASKED = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts, as everywhere on Unix


def chosen(environment: Mapping[str, str]) -> str:
    """Return "en" where the person's own settings ask for English, else "zh"."""
    told = next((environment[name] for name in ASKED if environment.get(name)), "")
    return "en" if told.lower().partition("_")[0].partition(".")[0] == "en" else "zh"


@contextmanager
def in_words() -> Iterator[None]:
    """Let the pages' sentences be told where there is no page."""
    app = Flask(__name__)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, default_locale=chosen(os.environ))
    with app.test_request_context():
        yield
