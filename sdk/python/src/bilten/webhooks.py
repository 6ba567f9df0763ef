"""Messages from Bilten (Standard Webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import Any


class WebhookRefused(Exception):
    """The request is not one that the holder of the secret has signed just now."""


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance: float = 300,
    now: float | None = None,
) -> Any:
    """Verifies a message and gives its parsed body.

    ``body`` must be the bytes as they came, not parsed and written again. Raises
    ``WebhookRefused`` if it is not signed by the secret, or further than ``tolerance`` seconds away.
    """
    given = {name.lower(): value for name, value in headers.items()}
    timestamp = given.get("webhook-timestamp", "")
    now = time.time() if now is None else now
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(now - int(timestamp)) > tolerance:
        raise WebhookRefused("The message is not of now.")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{given.get('webhook-id', '')}.{timestamp}.".encode() + body
    expected = hmac.new(key, signed, hashlib.sha256).digest()
    # During a rotation there is a signature by each secret.
    for signature in given.get("webhook-signature", "").split(" "):
        if not signature.startswith("v1,"):
            continue
        try:
            theirs = base64.b64decode(signature[3:], validate=True)
        except (binascii.Error, ValueError):
            continue
        if hmac.compare_digest(theirs, expected):
            return json.loads(body)
    raise WebhookRefused("No signature is by this secret.")
