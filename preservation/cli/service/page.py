"""The health page of `keepsake up`: `/` for people, `/health.json` for programs. 200 when all is well, 503 when not; 127.0.0.1 alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from preservation.cli.service.judging import HealthReport
from preservation.errors import SettingsWrong

TEMPLATE = "health.html"
KIB = 1024


@contextmanager
def serve_page(port: int, report: Callable[[datetime], HealthReport]) -> Iterator[None]:
    """Answer while the body runs. Raises SettingsWrong if the port is taken."""
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(report))
    except OSError:
        raise SettingsWrong(
            "port-taken", f"port {port} is taken already", remedy="stop what uses it, or choose another: KEEPSAKE_HEALTH_PORT"
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="health page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def page(report: HealthReport) -> str:
    """The page for people."""
    return _templates().get_template(TEMPLATE).render(report=report, facts=report.facts)


def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters |= {"bytes": readable_bytes, "moment": _moment}
    return made


def readable_bytes(count: int) -> str:
    """Bytes as people read them."""
    value, unit = float(count), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < KIB or unit == "TiB":
            break
        value /= KIB
    return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"


def _moment(at: datetime | str | None) -> str:
    if at is None:
        return "never"
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{found:%Y-%m-%d %H:%M} UTC"


def _handler(report: Callable[[datetime], HealthReport]) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        server_version, sys_version = "keepsake", ""

        def do_GET(self) -> None:
            if self.path not in {"/", "/health.json"}:
                self.send_error(404)
                return
            now = report(datetime.now(UTC))
            body, kind = (page(now), "text/html") if self.path == "/" else (now.model_dump_json(indent=1), "application/json")
            self._send(200 if now.well else 503, kind, body.encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody needs a line for every look."""

    return Page
