"""
A receiver of webhooks on this machine that behaves as badly as a test wants, over HTTP or HTTPS.
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from figuard.domain.admin import Delivery, Webhook

SECRET = "a-secret-of-the-receiver"
Answer = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """One connection: what came, and the socket to answer on. ``over`` is set when the test ends."""

    connection: socket.socket
    head: str
    body: bytes
    over: threading.Event

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    def say(self, status: str, body: bytes = b"", *headers: str) -> None:
        """Answer with a status line and a body, as it should be done."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.connection.sendall("\r\n".join(lines).encode() + body)


@dataclass
class Receiver:
    port: int
    scheme: str
    exchanges: list[Exchange] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1", path: str = "/hook?to=me") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


def fine(exchange: Exchange) -> None:
    exchange.say("200 OK", b"thank you")


@contextmanager
def receiver(answer: Answer = fine, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listen on 127.0.0.1 and answer every connection with *answer*."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    found = Receiver(listening.getsockname()[1], "https" if tls else "http")

    def serve(connection: socket.socket) -> None:
        # A sender that hangs up on us is what several tests are about.
        with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as spoken:
            exchange = _read(spoken, over)
            found.exchanges.append(exchange)
            answer(exchange)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield found
    finally:
        over.set()
        # Closing alone does not wake a thread that waits in accept.
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _read(connection: socket.socket, over: threading.Event) -> Exchange:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    exchange = Exchange(connection, head.decode(), body, over)
    while len(exchange.body) < int(exchange.headers.get("content-length", "0")):
        exchange.body += _some(connection)
    return exchange


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise OSError("hung up")
    return data


def webhook(url: str, secret: str = SECRET) -> Webhook:
    return Webhook("w-1", "t-1", url, secret, ("SPEND_CONFIRMED",), 0)


def delivery(payload: str = '{"amount":0.10,"deliveryId":"d-1"}') -> Delivery:
    return Delivery("d-1", "t-1", "w-1", "https://example.test/hook", "b-1", "SPEND_CONFIRMED", payload, 0, 0)


def tls_pair(folder, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context with a fresh certificate for *host*, and a client's that trusts it alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    unencrypted = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, unencrypted)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)
