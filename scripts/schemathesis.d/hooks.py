"""Who calls an operation, and which of the things that there are a case names.

Left to itself, schemathesis makes up ids and credentials that nothing and nobody has, and would see
little but 404 and 401.
"""

import json
import re
import secrets
import threading
import zlib

import schemathesis
from schemathesis.core import NotSet
from schemathesis.core.parameters import ParameterLocation

from seed import Client

# Set before a run.
seed = None
_lock = threading.Lock()
_spares: list = []
# The ids that answers held; cases that came of an answer keep them.
_seen: set[str] = set()

# What ends, withdraws or locks out: it gets things that can be spared.
_DESTROYS = re.compile(
    r"^DELETE |/(archive|cancel|refund|revoke|reissue|rotate|secret|resend|deactivate|erase"
    r"|reset|roles|pin)$|^(PUT|PATCH) .*/(connections|endpoints|clients|keys)/"
)
_OUR_ID = re.compile(r"\b[a-z]{3}_[0-9a-z]{26}\b")
# Operations that give a code or a token to whoever is signed in, though they are open to all.
_FOR_BROWSERS = re.compile(r"/oauth/authorize$|/sso/.*/(start|finish|confirm)$")


def _number(*parts) -> int:
    """A number that is the same for the same parts, so that what fails fails again."""
    return zlib.crc32(repr(parts).encode("utf-8", "replace"))


def _content(case) -> tuple:
    return case.operation.label, case.path_parameters, case.query, case.body


def _raw(case) -> dict:
    return case.operation.definition.raw


def _is_negative(case, location) -> bool:
    return case.meta is not None and case.meta.is_negative_at(location)


def _has_body(case) -> bool:
    return not isinstance(case.body, NotSet)


def _scopes(case) -> dict:
    """What programs may do."""
    schemes = case.operation.schema.raw_schema["components"]["securitySchemes"]
    return schemes["oauth2"]["flows"]["clientCredentials"]["scopes"]


class Someone:
    """A credential."""

    def __init__(self, headers=None, cookie=None, person=None):
        self.headers, self.cookie, self.person = headers or {}, cookie, person


def _as_app(person) -> Someone:
    return Someone({**person.bearer, "Bilten-Organisation": seed.slug}, person=person)


def _as_browser(person) -> Someone:
    return Someone({"Bilten-Organisation": seed.slug}, person.cookie, person)


def _spare():
    """Somebody whose account may be lost."""
    with _lock:
        if not _spares:
            _spares.append(seed.spare_person())
        return _spares[-1]


def _choose(case) -> Someone | None:
    raw, number = _raw(case), _number(_content(case))
    if not (case.path_parameters or case.query or _has_body(case)):
        # All cases are this one; how nobody fares is asked by the check `ignored_auth`.
        number = 1024 + 19
    schemes = {name for scheme in raw.get("security", []) for name in scheme}
    roll = number % 20
    bearer = lambda token: Someone({"Authorization": f"Bearer {token}"})
    if not schemes:
        is_for_browsers = _FOR_BROWSERS.search(case.operation.path)
        return _as_browser(seed.owner) if roll < (14 if is_for_browsers else 2) else None
    if roll == 0:
        return None
    if roll == 1:
        return bearer(seed.device)
    if "device_session" in schemes:
        return bearer(seed.device)
    if "order_token" in schemes:
        return bearer(next(iter(seed.orders.values())))
    if raw.get("x-permission") == "platform_admin":
        return _as_browser(seed.owner if roll == 2 else seed.admin)
    is_for_people = raw.get("x-permission") not in _scopes(case) or any(
        raw.get(word) for word in ("x-people-only", "x-recently-authenticated")
    )
    if "api_key" in schemes and not (is_for_people and roll > 3):
        if roll < 12:
            return bearer(seed.key)
        return _as_browser(seed.admin if roll == 12 else seed.owner)
    is_about_oneself = "/me/" in case.operation.path or "membership" in case.operation.path
    if case.operation.method.upper() != "GET" and (is_about_oneself or "staff-pin" in case.operation.path):
        person = _spare()
    else:
        person = seed.owner
    if "access_token" in schemes and number & 1024:
        return _as_app(person)
    return _as_browser(person)


@schemathesis.auth(refresh_interval=None)
class Callers:
    """Gives each case to whoever may call its operation, and some to others."""

    def get(self, case, _):
        return _choose(case)

    def set(self, case, someone, _):
        for name, value in someone.headers.items():
            if name != "Bilten-Organisation" or name not in case.headers:
                case.headers[name] = value
        if someone.cookie:
            case.cookies["bilten_session"] = someone.cookie


def _thing(case, name: str, value, destroys: bool):
    """What a case should call by a name, if there is such a thing."""
    if name == "key" and "/settings/" in case.operation.path:
        name = "setting"
    known = seed.things.get(name)
    if not known or not isinstance(value, str):
        return value
    number = _number(case.operation.label, name, value)
    is_kept = value in known or value in _seen or number % 8 == 0
    if is_kept and not (destroys and value == known[0]):
        return value
    if not destroys:
        return known[0]
    return known[1 + number // 8 % (len(known) - 1)] if len(known) > 1 else value


def _fill(case, value, destroys: bool):
    """A body whose fields name things that there are."""
    if isinstance(value, list):
        return [_fill(case, item, destroys) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _fill(case, inner, destroys)
        if isinstance(inner, (dict, list))
        else _thing(case, name, inner, destroys)
        for name, inner in value.items()
    }


@schemathesis.serializer("application/x-ndjson")
def lines(_, value):
    """What a device sends: JSON, line by line."""
    items = value if isinstance(value, list) else [value]
    said = (item if isinstance(item, str) else json.dumps(item) for item in items)
    return "\n".join(said).encode("utf-8", "replace")


@schemathesis.hook
def before_call(_, case, kwargs):
    """Makes a case one that the server has something for."""
    method = case.operation.method.upper()
    destroys = bool(_DESTROYS.search(f"{method} {case.operation.path}"))
    if case.path_parameters and not _is_negative(case, ParameterLocation.PATH):
        # Of an event's gate, it is the gate that is destroyed.
        last = re.findall(r"{(\w+)}", case.operation.path)[-1]
        for name, value in list(case.path_parameters.items()):
            wanted = _thing(case, name, value, destroys and name == last)
            if wanted != value:
                case.path_parameters[name] = wanted
        order = case.path_parameters.get("order")
        sent = case.headers.get("Authorization", "").removeprefix("Bearer ")
        if order in seed.orders and sent in seed.orders.values():
            case.headers["Authorization"] = f"Bearer {seed.orders[order]}"
    if isinstance(case.body, (dict, list)) and not _is_negative(case, ParameterLocation.BODY):
        wanted = _fill(case, case.body, destroys)
        if wanted != case.body:
            case.body = wanted
    is_given = "Idempotency-Key" in case.headers and not _is_negative(case, ParameterLocation.HEADER)
    if is_given and _number(_content(case), "once") % 8:
        case.headers["Idempotency-Key"] = secrets.token_hex(12)
    case.headers["X-Forwarded-For"] = Client.address()


@schemathesis.hook
def after_call(_, case, response):
    """Notes what there is; somebody who is known no more is replaced by somebody else."""
    if response.status_code < 300:
        _seen.update(_OUR_ID.findall(response.content.decode("utf-8", "replace")))
    if response.status_code == 401:
        with _lock:
            sent = (case.cookies or {}).get("bilten_session"), case.headers.get("Authorization")
            for person in list(_spares):
                if person.cookie == sent[0] or person.bearer["Authorization"] == sent[1]:
                    _spares.remove(person)


def forget():
    """Forgets who was there, for another server."""
    _spares.clear()
    _seen.clear()


@schemathesis.hook
def filter_failure(_, failure, case, response):
    """Somebody else's order is not there, whoever asks: that is a refusal too."""
    schemes = {name for scheme in _raw(case).get("security", []) for name in scheme}
    is_hidden = schemes == {"order_token"} and "got `404" in failure.message
    return not (is_hidden and type(failure).__name__ == "IgnoredAuth")
