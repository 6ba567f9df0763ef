"""Starts a server for each database, and lets schemathesis call it."""

import os
import pathlib
import sys
import time

from schemathesis.cli import schemathesis

import hooks
from seed import Seed
from server import Server

SECONDS = int(os.environ.get("BILTEN_SCHEMATHESIS_SECONDS", "60"))
SEED = os.environ.get("BILTEN_SCHEMATHESIS_SEED", "1")
ONLY = os.environ.get("BILTEN_SCHEMATHESIS_ONLY")
REPORT = os.environ.get("BILTEN_SCHEMATHESIS_REPORT")

HERE = pathlib.Path.cwd()
# What is not called at all, with the reason.
NEVER: dict[str, str] = {}
# What closes the service to all others, or gives it other keys: called when all else was.
LAST = r"^/api/v1/platform/(maintenance|maintenance/end|keys/rotate)$"


def ask(server: Server, seconds: int, phases: str, *filters: str) -> bool:
    """Lets schemathesis ask; whether all was well."""
    arguments = [
        "--config-file",
        str(pathlib.Path(__file__).with_name("schemathesis.toml")),
        "run",
        f"{server.url}/api/v1/openapi.json",
        f"--phases={phases}",
        f"--max-time={seconds}",
        f"--seed={SEED}",
        "--workers=1",
        "--no-color",
        *filters,
    ]
    if REPORT:
        folder = HERE / REPORT / server.engine
        arguments += ["--report=ndjson,junit", f"--report-dir={folder}"]
    try:
        code = schemathesis.main(args=arguments, standalone_mode=False)
    except SystemExit as ended:
        code = ended.code
    return not code


def run(engine: str) -> list[str]:
    """What is wrong on this database."""
    server = Server(engine)
    wrong = []
    # What schemathesis leaves behind goes with the server.
    os.chdir(server.path)
    try:
        began = time.monotonic()
        hooks.seed = Seed(server)
        hooks.forget()
        print(f"schemathesis: {engine}: seeded in {time.monotonic() - began:.0f} s", flush=True)
        never = [f"--exclude-name={name}" for name in NEVER]
        some = [f"--include-path-regex={ONLY}"] if ONLY else [f"--exclude-path-regex={LAST}"]
        if not ask(server, SECONDS, "examples,coverage,fuzzing,stateful", *some, *never):
            wrong.append(f"{engine}: see above")
        wrong += [f"{engine}: {fault}" for fault in server.faults()]
        if not ONLY:
            if not ask(server, 15, "examples,coverage,fuzzing", f"--include-path-regex={LAST}"):
                wrong.append(f"{engine}: what comes last: see above")
            wrong += [f"{engine}: {fault}" for fault in server.faults()]
        if wrong and os.environ.get("BILTEN_SCHEMATHESIS_KEEP"):
            print(f"schemathesis: the server stays at {server.url}; Ctrl-C ends it", flush=True)
            server.process.wait()
    finally:
        os.chdir("/")
        server.stop()
    return wrong


def main():
    engines = ["sqlite"] + (["postgres"] if os.environ.get("BILTEN_TEST_POSTGRES") else [])
    wrong = [fault for engine in sys.argv[1:] or engines for fault in run(engine)]
    # One fault of the server may be in its log many times.
    for fault in sorted(set(wrong))[:50]:
        print(f"schemathesis: {fault}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
