"""An organisation with all that the API has names for, and those who call.

What is made comes in several pieces of each kind. The first one stays: whatever destroys or ends
something gets another one.
"""

import base64
import datetime
import hashlib
import hmac
import itertools
import re
import secrets
import struct
import time

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSWORD = "kozolec brez strehe 42"
# How many of each thing there are that may be destroyed.
SPARES = 6


def later(days: int, hours: int = 0) -> str:
    """A time in the future, as the API writes times."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    at = now + datetime.timedelta(days=days, hours=hours)
    return at.isoformat().replace("+00:00", "Z")


class Client:
    """Somebody who talks HTTP; each request comes from another address."""

    _numbers = itertools.count(1)

    def __init__(self, url: str, headers: dict[str, str] | None = None):
        self.url = url
        self.headers = headers or {}

    @classmethod
    def address(cls) -> str:
        """An address that nothing came from before."""
        number = next(cls._numbers)
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def send(self, method: str, path: str, body=None, **others) -> requests.Response:
        headers = {"X-Forwarded-For": self.address(), **self.headers}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(12)
        return requests.request(
            method, self.url + path, json=body, headers=headers, timeout=60, **others
        )

    def api(self, method: str, path: str, body=None):
        """The answer to a request that must be granted."""
        answer = self.send(method, f"/api/v1{path}", body)
        if not answer.ok:
            raise SystemExit(f"seed: {method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None


def totp(secret: str) -> str:
    """The code that an authenticator app shows now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = struct.pack(">Q", int(time.time()) // 30)
    mac = hmac.new(key, counter, hashlib.sha1).digest()
    number = struct.unpack_from(">I", mac, mac[19] & 15)[0] & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"


class Person:
    """A person, signed in by an app and by a browser."""

    def __init__(self, url: str, email: str):
        self.url, self.email = url, email
        self.sign_in()

    def sign_in(self):
        """Begins both sessions anew."""
        stranger = Client(self.url)
        credentials = {"email": self.email, "password": PASSWORD}
        tokens = stranger.api("POST", "/auth/tokens", credentials)
        self.bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        headers = {"X-Forwarded-For": Client.address()}
        page = requests.post(
            f"{self.url}/sign-in", credentials, headers=headers, allow_redirects=False, timeout=60
        )
        self.cookie = page.cookies["bilten_session"]

    def app(self) -> Client:
        return Client(self.url, self.bearer)

    def browser(self) -> Client:
        return Client(self.url, {"Cookie": f"bilten_session={self.cookie}"})

    def add_second_factor(self):
        """Adds an authenticator app, so that both sessions count as shown with it."""
        begun = self.app().api("POST", "/me/factors/totp")
        path = f"/me/factors/{begun['factor']}/confirm"
        codes = self.app().api("POST", path, {"code": totp(begun["secret"])})["recovery_codes"]
        again = {"method": "recovery", "code": codes[0]}
        self.browser().api("POST", "/me/reauthenticate/factor", again)


class Seed:
    """All of it."""

    def __init__(self, server):
        self.server, self.url = server, server.url
        # What a path or a body calls by these names; the first one is not to be destroyed.
        self.things: dict[str, list[str]] = {}
        self._people = itertools.count(1)
        self._before()
        server.start()
        self._callers()
        self._organisation()
        self._events()
        self._door()
        self._programs()
        self._platform()

    def _add(self, name: str, thing: str):
        self.things.setdefault(name, []).append(thing)

    def _before(self):
        """What only whoever runs the server can do, and on SQLite only while it does not run."""
        bilten = self.server.bilten
        [[organisation, slug]] = bilten("organisation", "create", "Kino Šiška")
        self.slug = slug
        self._add("organisation", organisation)
        for name in range(SPARES):
            [[other, _]] = bilten("organisation", "create", f"Another {name}")
            self._add("organisation", other)
        [[key, token]] = bilten("key", "create", "--organisation", slug)
        self._add("key", key)
        self.key = token
        for _ in range(SPARES):
            [[key, _]] = bilten("key", "create", "--organisation", slug)
            self._add("key", key)
        for name, role in [("owner", "owner"), ("admin", "viewer")] + [
            (f"member{number}", "viewer") for number in range(SPARES)
        ]:
            [[user]] = bilten(
                *["user", "create", "--email", f"{name}@example.com", "--name", name],
                *["--verified", "--password-stdin", "--organisation", slug, "--role", role],
                said=PASSWORD,
            )
            self._add("user", user)
        bilten("admin", "grant", "admin@example.com")

    def _callers(self):
        self.program = Client(self.url, {"Authorization": f"Bearer {self.key}"})
        self.owner = Person(self.url, "owner@example.com")
        self.owner.add_second_factor()
        self.admin = Person(self.url, "admin@example.com")
        self.admin.add_second_factor()

    def spare_person(self) -> Person:
        """Somebody new, who may do to themselves what they like."""
        email = f"spare{next(self._people)}@example.com"
        wish = {"email": email, "name": "Spare", "password": PASSWORD}
        stranger = Client(self.url)
        stranger.api("POST", "/auth/registrations", wish)
        token = self._mailed(email, "token")
        stranger.api("POST", "/auth/registrations/verify", {"token": token})
        return Person(self.url, email)

    def _mailed(self, email: str, parameter: str) -> str:
        """A parameter of the link in the mail to somebody; waits for it."""
        folder = self.server.path / "bilten-data" / "mail"
        for _ in range(400):
            for file in sorted(folder.glob("*.eml"), reverse=True):
                text = file.read_text("latin1").replace("\r\n", "\n").replace("=\n", "")
                text = text.replace("=3D", "=")
                found = re.search(rf"[?&]{parameter}=([A-Za-z0-9_-]+)", text)
                if found and f"To: {email}" in text.replace("<", "").replace(">", ""):
                    return found[1]
            time.sleep(0.05)
        raise SystemExit(f"seed: no mail came to {email}")

    def _organisation(self):
        for member in self.program.api("GET", "/members?limit=100")["items"]:
            is_owner = member["user"] == self.things["user"][0]
            self.things.setdefault("member", []).insert(
                0 if is_owner else len(self.things.get("member", [])), member["id"]
            )
        owner = self.owner.app()
        owner.headers = {**owner.headers, "Bilten-Organisation": self.slug}
        self.in_organisation = owner
        for number in range(SPARES + 1):
            wish = {"email": f"guest{number}@example.com", "role": "viewer"}
            self._add("invitation", owner.api("POST", "/invitations", wish)["id"])

    def _events(self):
        for number in range(SPARES + 1):
            made = self.program.api(
                "POST",
                "/events",
                {
                    "name": f"Laibach {number}",
                    "time_zone": "Europe/Ljubljana",
                    "currency": "EUR",
                    "venue_name": "Kino Šiška",
                    "occurrences": [
                        {"doors_at": later(0, -1), "starts_at": later(0, 1), "ends_at": later(2)}
                    ],
                    "tiers": [
                        {"name": "Standing", "price_minor": 3200, "capacity": 100000},
                        {"name": "Balcony", "price_minor": 0, "capacity": 100000},
                    ],
                },
            )
            self._add("event", made["id"])
            # The last ones are drafts.
            if number < SPARES - 1:
                self.program.api("POST", f"/events/{made['id']}/publish")
            for tier in made["tiers"] if number == 0 else []:
                self._add("tier", tier["id"])
        self.orders: dict[str, str] = {}
        shop = Client(self.url)
        items = [{"tier": self.things["tier"][0], "quantity": 2}]
        for number in range(SPARES + 1):
            bought = shop.api(
                "POST",
                "/shop/orders",
                {
                    "event": self.things["event"][0],
                    "items": items,
                    "buyer": {"email": "ana@example.com", "name": "Ana Novak"},
                    "payment": {"method": "sandbox", "outcome": "succeed"},
                },
            )
            self._add("order", bought["order"]["id"])
            self.orders[bought["order"]["id"]] = bought["token"]
            self._add("ticket", bought["tickets"][0]["id"])
            wish = {"event": self.things["event"][0], "items": items}
            self._add("hold", shop.api("POST", "/shop/holds", wish)["id"])
        self.things["format"] = ["svg", "png"]

    def _door(self):
        event = f"/events/{self.things['event'][0]}"
        for number in range(SPARES + 1):
            made = self.program.api("POST", f"{event}/lists", {"name": f"Day {number}"})
            self._add("list", made["id"])
            made = self.program.api("POST", f"{event}/gates", {"name": f"Gate {number}"})
            self._add("gate", made["id"])
            device, session = self._device(event)
            self._add("device", device)
            if number == 0:
                self.device = session

    def _device(self, event: str) -> tuple[str, str]:
        """A paired device and its session."""
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        code = self.program.api("POST", f"{event}/pairings", {})["code"]
        signed = b"bilten pairing v1\0" + code.encode() + b"\0" + public
        device = Client(self.url)
        paired = device.api(
            "POST",
            "/sync/pair",
            {
                "code": code,
                "public_key": public.hex(),
                "signature": key.sign(signed).hex(),
                "name": "Gate phone",
                "software": "schemathesis/1",
            },
        )["device"]
        nonce = device.api("POST", "/sync/challenge", {"device": paired})["nonce"]
        signed = b"bilten session v1\0" + paired.encode() + b"\0" + nonce.encode()
        answer = {"device": paired, "nonce": nonce, "signature": key.sign(signed).hex()}
        return paired, device.api("POST", "/sync/session", answer)["token"]

    def _programs(self):
        for number in range(SPARES + 1):
            wish = {"url": f"https://hooks.example.com/{number}", "event_types": ["event.deleted"]}
            self._add("endpoint", self.program.api("POST", "/webhooks/endpoints", wish)["id"])
            test = f"/webhooks/endpoints/{self.things['endpoint'][0]}/test"
            self._add("delivery", self.program.api("POST", test)["id"])
            self._client(number)
            wish = {
                "slug": f"{self.slug}-{number}",
                "name": "Staff",
                "domains": [f"example{number}.com"],
                "oidc": {
                    "preset": "generic",
                    "issuer": "https://idp.invalid",
                    "client_id": "bilten",
                },
            }
            made = self.in_organisation.api("POST", "/sso/connections", wish)
            self._add("connection", made["id"])
            self._add("slug", made["slug"])
            self._add("domain", f"example{number}.com")

    def _client(self, number: int):
        """A program of a third party."""
        wish = {
            "name": f"App {number}",
            "kind": "confidential",
            "redirect_uris": ["https://app.example.com/back"],
            "scopes": ["events.read"],
        }
        self._add("client", self.in_organisation.api("POST", "/oauth/clients", wish)["client"]["id"])

    def _platform(self):
        browser = self.admin.browser()
        wish = {"user": self.things["user"][2], "reason": "somebody asked for help", "minutes": 60}
        for _ in range(SPARES + 1):
            begun = browser.api("POST", "/platform/impersonations", wish)
            self._add("impersonation", begun["id"])
        settings = browser.api("GET", "/platform/settings")
        names = [setting["key"] for setting in settings]
        # Of the settings that keep nobody out.
        self.things["setting"] = [
            name for name in names if name not in ("maintenance", "limits.organisations")
        ]
        person = self.owner.app()
        self._add("export", person.api("POST", "/me/exports")["id"])
        for session in person.api("GET", "/me/sessions")["sessions"]:
            self._add("session", session["id"])
