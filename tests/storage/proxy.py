"""A small HTTP proxy on 127.0.0.1 that does one thing wrong. Requests reach the server as sent unless a fault says otherwise."""

import http.client
import ipaddress
import re
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Exchange:
    """One request and, once the server has answered, its answer. A fault changes it in place."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    declared: int | None = None  # Content-Length to claim, if not the true one
    hang_up: bool = False  # close instead of answering


Fault = Callable[[Exchange], None]


@dataclass
class Proxy:
    """What a test sets: `before` the server is asked, `after` it has answered. Setting a status before means not asking it."""

    url: str
    before: Fault = lambda _exchange: None
    after: Fault = lambda _exchange: None
    seen: list[Exchange] = field(default_factory=list)

    def asked(self, method: str, pattern: str = "") -> int:
        """How many requests matched."""
        return sum(each.method == method and bool(re.search(pattern, each.path)) for each in self.seen)


@contextmanager
def proxy_to(endpoint: str, certificate: Path | None = None) -> Iterator[Proxy]:
    """A proxy in front of an endpoint; over TLS if it is given a file with key and certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    proxy = Proxy(f"http{'' if certificate is None else 's'}://127.0.0.1:{server.server_address[1]}")
    server.proxy, server.upstream = proxy, urllib.parse.urlsplit(endpoint).netloc  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def self_signed(folder: Path) -> Path:
    """A new key and a certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "tls.pem"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return file


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        exchange = Exchange(self.command, self.path, dict(self.headers.items()), body)
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        proxy.seen.append(exchange)
        proxy.before(exchange)
        if not exchange.status and not exchange.hang_up:
            self._forward(exchange)
            proxy.after(exchange)
        self.close_connection = True
        if not exchange.hang_up:
            self._answer(exchange)

    def _forward(self, exchange: Exchange) -> None:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)  # type: ignore[attr-defined]
        headers = {name: value for name, value in exchange.headers.items() if name.lower() not in {"expect", "connection"}}
        upstream.request(exchange.method, exchange.path, exchange.body, headers)
        answer = upstream.getresponse()
        exchange.status, exchange.answer, exchange.answer_headers = answer.status, answer.read(), dict(answer.headers.items())
        if exchange.method == "HEAD":
            exchange.declared = int(exchange.answer_headers.get("Content-Length", 0))
        upstream.close()

    def _answer(self, exchange: Exchange) -> None:
        self.send_response_only(exchange.status)
        for name, value in exchange.answer_headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(exchange.answer) if exchange.declared is None else exchange.declared))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(exchange.answer)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve
