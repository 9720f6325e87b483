"""Real S3 servers on 127.0.0.1 for tests: each a process of its own, started on a free port and ended by its own handle."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from preservation.storage.opening import Credentials
from preservation.storage.s3 import S3Store, client_config, connect

TESTER = Credentials("testing", "testing")
PART = 5 * 1024 * 1024  # the smallest part S3 allows, so that tests see several


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], url: str, *, environment: Mapping[str, str] | None = None, seconds: float = 60
) -> Iterator[str]:
    """The command, running and answering at `url`; ended with its children afterwards."""
    server = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(url, server, seconds)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def moto() -> Iterator[str]:
    """The endpoint of a moto server. It verifies nothing it is sent, so it proves nothing about integrity."""
    port = free_port()
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], f"http://127.0.0.1:{port}") as url:
        yield url


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """The endpoint of a MiniStack server: checks checksums, keeps objects as plain files below `folder`."""
    port = free_port()
    command = shutil.which("ministack")
    assert command is not None
    environment = {
        "SERVICES": "s3",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder),
    }
    with running([command], f"http://127.0.0.1:{port}", environment=environment) as url:
        yield url


@contextmanager
def bucket(
    endpoint: str, credentials: Credentials = TESTER, *, name: str | None = None, versioned: bool = False, attempts: int = 3
) -> Iterator[S3Store]:
    """A store over a bucket made for one test, which dies with its server; `name` uses one that stays, and cleans up."""
    client = connect("tested", endpoint, "us-east-1", credentials, config=client_config(attempts))
    prefix = f"test-{uuid4().hex}"
    if name is None:
        name = prefix
        client.create_bucket(Bucket=name)
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    store = S3Store(client, name, site="tested", prefix=prefix, part_size=PART)
    yield store
    if name != prefix:
        left = {found.key for found in store.list("")} | {found.key for found in store.leftovers("")}
        for key in left:
            store.erase(key)


def _wait_for(url: str, server: "subprocess.Popen[bytes]", seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode} before it answered")
        try:
            urllib.request.urlopen(url, timeout=2).close()  # loopback
        except urllib.error.HTTPError:
            return  # an answer is an answer
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not answer in time")
