"""A throw-away PostgreSQL of this machine's own binaries: a fresh cluster in a temporary folder, reached by its socket alone."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALLED = Path("/usr/lib/postgresql")  # where Debian keeps them, off PATH


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`; None if there is none."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted((path / "bin" for path in INSTALLED.glob("*")), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


def unprivileged() -> str | None:
    """The user to run as, for PostgreSQL refuses root: None if this user will do. Raises KeyError if nobody is left."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


@contextmanager
def cluster() -> Iterator[str]:
    """A running cluster; the URL of its databases with `{name}` for the name. Gone afterwards, with everything in it."""
    folder, user = Path(tempfile.mkdtemp(prefix="keepsake-pg-")), unprivileged()
    programs = binaries()
    assert programs is not None
    if user:
        shutil.chown(folder, user)
    server = None
    try:
        _run(user, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "archivist", "--no-sync", "-E", "UTF8")
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"]
        command = [programs / "postgres", "-D", folder / "data", "-k", folder, *settings]
        server = subprocess.Popen(command, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _await(server, user, programs, folder)
        yield f"postgresql+psycopg://archivist@/{{name}}?host={folder}"
    finally:
        if server is not None:
            server.terminate()
            server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def create_database(url: str, name: str) -> str:
    """A new, empty database; its URL."""
    import psycopg

    plain = url.format(name="postgres").replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.format(name=name)


def _run(user: str | None, *command: object) -> None:
    subprocess.run([str(part) for part in command], user=user, cwd="/", check=True, capture_output=True, timeout=120)


def _await(server: "subprocess.Popen[bytes]", user: str | None, programs: Path, folder: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            return _run(user, programs / "pg_isready", "-q", "-h", folder, "-d", "postgres")
        except subprocess.CalledProcessError:
            time.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start")
