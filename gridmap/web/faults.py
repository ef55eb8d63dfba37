"""The one table from error to HTTP status, and the page or JSON that tells it.

A browser gets a page, a program ``{"error": sentence}``. What was not foreseen is told in one sentence; the log
keeps where it happened, never the values it happened with.
"""

from __future__ import annotations

import logging
import traceback

from flask import Flask, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from gridmap import errors
from gridmap.services import accounts
from gridmap.web import edge

log = logging.getLogger("gridmap")

STATUS: dict[type[errors.GridmapError], int] = {
    errors.BadInput: 400,
    errors.SignInNeeded: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooManyTries: 429,
    errors.Unavailable: 503,
    errors.SetupFault: 503,
}
SENTENCE = {
    400: errors.N_("请求的内容无法识别，请返回重试"),
    403: errors.N_("您的角色不能使用这个功能"),
    404: errors.N_("没有找到这个页面"),
    405: errors.N_("这个地址不支持这种操作"),
    406: errors.N_("这个地址没有您要的格式"),
    413: errors.N_("提交的内容太大了"),
    414: errors.N_("地址太长了"),
    415: errors.N_("提交的格式不对"),
    431: errors.N_("请求的内容太大了"),
}
STALE = errors.N_("这个页面打开得太久了，请返回刷新后再试")
UNFORESEEN = errors.N_("出了意外，已记录下来。请稍后再试")


def wants_json() -> bool:
    """Tell whether a program asks: the view says so, or the request does."""
    declared = edge.rule()
    if (declared and declared.api) or "X-Gridmap" in request.headers or request.is_json:
        return True
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def tell(status: int, sentence: str) -> ResponseReturnValue:
    """Return the page or JSON for an error."""
    if wants_json():
        return jsonify(error=sentence), status
    if request.method not in {"GET", "HEAD", "POST"}:
        return make_response((sentence + "\n", status, {"Content-Type": "text/plain; charset=utf-8"}))
    _recognise()
    if status == errors_status(errors.SignInNeeded):
        back = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return render_template("accounts/sign_in.html", sentence=sentence, back=back), status
    return render_template("errors.html", status=status, sentence=sentence), status


def _recognise() -> None:
    """Look who asks, so that the page of an error keeps his menu; without a database it is drawn without."""
    try:
        edge.session()
    except errors.Unavailable:
        edge.forget_session()


def errors_status(kind: type[errors.GridmapError]) -> int:
    """Return the status of a kind of error."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def _foreseen(error: errors.GridmapError) -> ResponseReturnValue:
    status = errors_status(type(error))
    if isinstance(error, errors.Forbidden):
        _note_denial()
    response = make_response(tell(status, gettext(error.sentence, **error.values)))
    if isinstance(error, errors.TooManyTries):
        response.headers["Retry-After"] = str(error.retry_s)
    if isinstance(error, errors.Unavailable):
        response.headers["Retry-After"] = "5"
    return response


def _note_denial() -> None:
    """Write down that somebody signed in was refused; the refusal stands even when that cannot be written."""
    try:
        who = edge.session()
        if who:
            with edge.transaction() as con:
                accounts.note(con, who.actor, "denied", subject=str(request.endpoint))
    except errors.Unavailable:
        log.warning("a refusal could not be written to the trail: %s", request.endpoint)


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    sentence = STALE if isinstance(error, CSRFError) else SENTENCE.get(status)
    response = make_response(tell(status, gettext(sentence or SENTENCE[400])))
    if status == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
    return response


def _unforeseen(error: Exception) -> ResponseReturnValue:
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    where = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.name}" for f in reversed(frames))
    log.error("%s at %s: %s", type(error).__name__, request.endpoint, where)
    try:
        return tell(500, gettext(UNFORESEEN))
    except Exception:  # noqa: BLE001 - the page of errors is itself at fault: one plain sentence is left
        return make_response((gettext(UNFORESEEN) + "\n", 500, {"Content-Type": "text/plain; charset=utf-8"}))


def register(app: Flask) -> None:
    """Answer every error."""
    app.register_error_handler(errors.GridmapError, _foreseen)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)
