"""Where phones send what was recorded at a door, and the public key they seal it to."""

from __future__ import annotations

from datetime import UTC
from uuid import UUID

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from werkzeug.exceptions import UnsupportedMediaType

from gridmap.domain.envelopes import opened
from gridmap.domain.sealing import jwk_of
from gridmap.domain.visits import Receipt, State, Why
from gridmap.errors import SignInNeeded
from gridmap.files.keyring import Keyring
from gridmap.services import visits
from gridmap.services.visits import SENDERS
from gridmap.web import edge, forms
from gridmap.web.access import allow

blueprint = Blueprint("submissions", __name__)

REASONS = {
    Why.ELSEWHERE: lazy_gettext("这一户已不在这个网格（划到别处或已注销）"),
    Why.NOT_ASSIGNED: lazy_gettext("这个网格现在不由记录的人负责"),
    Why.FUTURE: lazy_gettext("手机上的时间在将来"),
    Why.OLD: lazy_gettext("时间早于 400 天前"),
    Why.QUIET: lazy_gettext("走访已计入；约定的时间在不打扰时段"),
    Why.UNREADABLE: lazy_gettext("内容读不出来"),
    Why.UNKNOWN_KIND: lazy_gettext("这种记录本服务器还不认识"),
    Why.UNKNOWN_VERSION: lazy_gettext("手机上的版本比服务器新"),
    Why.UNKNOWN_KEY: lazy_gettext("封存时用的钥匙不在这台服务器上"),
    Why.UNKNOWN_MATERIAL: lazy_gettext("发放的材料不在目录里"),
    Why.NO_VISIT: lazy_gettext("要撤回的走访还没有收到，或本身待定"),
    Why.TOO_LATE: lazy_gettext("走访已超过 7 天，不能自行撤回"),
    Why.NO_ERRAND: lazy_gettext("没有这件事项，或它不在负责的网格"),
}


def keyring() -> Keyring:
    """Return this server's keys."""
    found: Keyring = current_app.extensions.setdefault("gridmap-keyring", Keyring(edge.world().settings))
    return found


def key_json() -> dict[str, object]:
    """Return the public key phones seal to."""
    key = keyring().current()
    return {"kid": key.kid, "jwk": jwk_of(key)}


@blueprint.get("/submissions/key")
@allow(*SENDERS, api=True)
def key() -> ResponseReturnValue:
    """Answer the public key phones seal to."""
    return jsonify(key_json())


def words(receipt: Receipt) -> str | None:
    """Return in a sentence what became of a submission; None when it was simply kept."""
    if receipt.state is State.DROPPED and receipt.note:
        return str(gettext("负责人看过，没有采用：%(note)s", note=receipt.note))
    if receipt.state is State.DROPPED:
        return str(gettext("负责人看过，没有采用"))
    if receipt.reason is None or receipt.state is State.KEPT:
        return None
    return str(gettext("服务器已收到，由负责人决定：%(why)s", why=REASONS[Why(receipt.reason)]))


@blueprint.put("/submissions/<uuid:submission_id>")
@allow(*SENDERS, api=True)
def submit(submission_id: UUID) -> ResponseReturnValue:
    """Keep what a phone sent; the answer tells what became of it, the same each time it is sent."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType
    _same_account()
    envelope = opened(forms.envelope(request.get_data(cache=False)), submission_id, keyring().find)
    with edge.transaction() as con:
        receipt = visits.submit(
            con,
            edge.actor(),
            submission_id=submission_id,
            kind=envelope.kind,
            version=envelope.version,
            captured_at=envelope.captured_at,
            sent_at=envelope.sent_at,
            text=envelope.text,
            at=edge.now(),
            reason=envelope.reason,
        )
    return jsonify(_told(receipt)), 202 if receipt.state is State.HELD else 200


def _told(receipt: Receipt) -> dict[str, object]:
    return {
        "id": str(receipt.submission_id),
        "state": str(receipt.state),
        "hash": receipt.text_hash,
        "received_at": receipt.received_at.astimezone(UTC).isoformat(),
        "reason": receipt.reason,
        "words": words(receipt),
    }


@blueprint.get("/submissions")
@allow(*SENDERS, api=True)
def states() -> ResponseReturnValue:
    """Answer what became of some submissions of one's own, for a phone that was told to wait for a decision."""
    asked = forms.submission_ids(request.args.getlist("id"))
    _same_account()
    with edge.transaction() as con:
        found = visits.receipts(con, edge.actor(), submission_ids=asked)
    return jsonify({"submissions": [_told(receipt) for receipt in found]})


def _same_account() -> None:
    """Refuse what another account recorded on this phone; it stays there until that account signs in.

    Raises
    ------
    SignInNeeded
        When the phone says so.
    """
    recorder = request.headers.get("X-Gridmap-Account", "")
    if recorder and recorder != str(edge.actor().account_id):
        raise SignInNeeded("这条记录属于另一个账号，请用原来的账号登录")
