"""OpenStack Swift with s3api as one node in a folder: a real S3 server that compares every digest it is sent."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from preservation.storage.opening import Credentials
from tests.storage.servers import free_port, running

SWIFT_TESTER = Credentials("test:tester", "testing")

_COMMON = """
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
log_level = ERROR
"""
_SERVER = """[DEFAULT]{common}devices = {folder}/devices
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
_PROXY = """[DEFAULT]{common}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck
  listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
auth_pipeline_check = true
location = us-east-1
[filter:slo]
use = egg:swift#slo
allow_async_delete = false
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
"""
_PLAIN_FILTERS = ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "copy", "dlo", "symlink")


def installed() -> bool:
    """Whether Swift's commands are there."""
    return all(shutil.which(f"swift-{part}") for part in ("proxy-server", "object-server", "ring-builder"))


@contextmanager
def swift(folder: Path) -> Iterator[str]:
    """The endpoint of a Swift that keeps everything below `folder`."""
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = s\nswift_hash_path_prefix = p\n")
    with ExitStack() as stack:
        for kind in ("account", "container", "object"):
            port = free_port()
            _ring(folder, kind, port)
            _start(stack, folder, kind, port, _SERVER)
        port = free_port()
        filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in _PLAIN_FILTERS)
        _start(stack, folder, "proxy", port, _PROXY + filters)
        yield f"http://127.0.0.1:{port}"


def _start(stack: ExitStack, folder: Path, kind: str, port: int, template: str) -> None:
    configuration = folder / f"{kind}-server.conf"
    user = configuration.parent.owner()
    configuration.write_text(
        template.format(common=_COMMON.format(port=port, user=user, folder=folder), folder=folder, kind=kind)
    )
    command = shutil.which(f"swift-{kind}-server")
    assert command is not None
    stack.enter_context(running([command, str(configuration)], f"http://127.0.0.1:{port}/healthcheck"))


def _ring(folder: Path, kind: str, port: int) -> None:
    builder = [shutil.which("swift-ring-builder") or "", f"{folder}/{kind}.builder"]
    device = ["--region", "1", "--zone", "1", "--ip", "127.0.0.1", "--port", str(port), "--device", "d1", "--weight", "100"]
    for step in (["create", "4", "1", "1"], ["add", *device], ["rebalance"]):
        subprocess.run([*builder, *step], check=step != ["rebalance"], stdout=subprocess.DEVNULL, cwd=folder)
