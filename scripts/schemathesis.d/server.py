"""A real server of its own for each run, on a fresh database."""

import os
import pathlib
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.parse

import requests

CONFIG = """
[http]
listen = "{address}"
public_url = "http://{address}"
# The callers say themselves where they come from, each from somewhere else: what strangers have tried
# from one address must not stop the next one.
trusted_proxies = ["127.0.0.0/8"]

[visitors]
refusals = ""

[limits.browse]
address = ""
user = ""
key = ""
[limits.buy]
address = ""
user = ""
key = ""
[limits.sign_in]
address = ""
user = ""
key = ""
[limits.device]
address = ""
user = ""
key = ""
[limits.api]
address = ""
user = ""
key = ""
organisation = ""

[database]
url = "{database}"

[log]
format = "json"
level = "warn"

[identity]
# Passwords are hashed as seldom as can be, and nobody has to sign in again.
argon2_memory_kib = 64
argon2_iterations = 1
access_token_s = 86400
"""


class Server:
    """A `bilten serve`, and the commands of whoever runs it."""

    def __init__(self, engine: str):
        self.engine = engine
        self.folder = tempfile.TemporaryDirectory(prefix="bilten-schemathesis-")
        self.path = pathlib.Path(self.folder.name)
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.database = "sqlite:bilten.db" if engine == "sqlite" else new_database()
        text = CONFIG.format(address=self.address, database=self.database)
        (self.path / "bilten.toml").write_text(text)
        self.log = self.path / "server.log"
        self.process = None

    def bilten(self, *command: str, said: str = "") -> list[list[str]]:
        """Runs a command; gives the lines that it printed, each cut at its tabs."""
        done = subprocess.run(
            [os.environ["BILTEN_BIN"], *command],
            cwd=self.path,
            input=said,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise SystemExit(f"bilten {' '.join(command)}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def start(self):
        """Serves, and comes back when it does."""
        log = self.log.open("w")
        self.process = subprocess.Popen(
            [os.environ["BILTEN_BIN"], "serve"], cwd=self.path, stdout=log, stderr=log
        )
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.05)
        raise SystemExit(f"the server did not start:\n{self.log.read_text()}")

    def faults(self) -> list[str]:
        """What is wrong with the server after all that it was asked."""
        found = []
        if self.process.poll() is not None:
            found.append(f"the server has ended with code {self.process.returncode}")
        elif requests.get(f"{self.url}/livez", timeout=30).status_code != 204:
            found.append("the server does not say any more that it lives")
        lines = self.log.read_text(errors="replace").splitlines()
        return found + [line for line in lines if '"level":"ERROR"' in line or "panicked" in line]

    def stop(self):
        """Ends it, and removes what it has left."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.engine == "postgres":
            name = urllib.parse.urlsplit(self.database).path.lstrip("/")
            psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.folder.cleanup()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def psql(statement: str):
    """Runs a statement as who may make databases."""
    subprocess.run(
        ["psql", os.environ["BILTEN_TEST_POSTGRES"], "-qc", statement], check=True
    )


def new_database() -> str:
    """The URL of an empty database."""
    name = f"schemathesis_{secrets.token_hex(6)}"
    psql(f"CREATE DATABASE {name}")
    url = urllib.parse.urlsplit(os.environ["BILTEN_TEST_POSTGRES"])
    return urllib.parse.urlunsplit(url._replace(path=f"/{name}"))
