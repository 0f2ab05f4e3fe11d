"""
The guard: which addresses a notice may be sent to.

Whoever registers a webhook chooses where this process connects to, so only addresses that anyone on the internet
could reach anyway are allowed. A name is judged by every address it resolves to, and the connection is made to the
address that was judged (``figuard.webhooks.pinned``), or a name could answer differently the second time.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from ipaddress import ip_address as parse_address
from queue import Empty, SimpleQueue

from figuard.domain.valueclass import valueclass

Resolver = Callable[[str, int, float], Sequence[str]]
"""Return the addresses of a host and port within so many seconds. Raises ``OSError``."""

ADDRESSES_MAX = 16
"""How many addresses of one name are looked at; a name with more is refused."""
PORT_MAX = 65_535
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[0-9A-Za-z._:-]+")

# Special-purpose ranges as IANA's registries have them, spelt out: what ``is_global`` says differs between versions
# of Python.
_NOT_PUBLIC_4 = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carriers"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's host"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""Where all global unicast lies; loopback, link-local, unique local (fc00::/7) and multicast lie outside."""
_NOT_PUBLIC_6 = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


class UnsafeAddress(ValueError):
    """A notice must not be sent there; the message says why."""


@valueclass
class Target:
    """Where a notice goes: the parts of its URL, and the addresses that were judged."""

    scheme: str
    host: str
    port: int
    path: bytes
    addresses: tuple[str, ...]

    @property
    def authority(self) -> str:
        """The host as a ``Host`` header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def why_not_public(address: str) -> str | None:
    """Return why not everyone on the internet can reach *address*, or None. Raises ``ValueError`` for no address."""
    ip = parse_address(address)
    if isinstance(ip, IPv4Address):
        return next((why for network, why in _NOT_PUBLIC_4 if ip in network), None)
    if ip.scope_id is not None:
        return "of one link"
    if ip in _MAPPED or ip in _NAT64:
        # The packet ends at the IPv4 address inside, so that is the one to judge.
        return why_not_public(str(_inner(ip)))
    if ip not in _PUBLIC_6:
        return "private or reserved"
    return next((why for network, why in _NOT_PUBLIC_6 if ip in network), None)


def _inner(ip: IPv6Address) -> IPv4Address:
    return IPv4Address(int(ip) & 0xFFFFFFFF)


def judged(addresses: Sequence[str], host: str, *, allow_private: bool = False) -> tuple[str, ...]:
    """Return the addresses, each once, if a notice may go to every one of them. Raises ``UnsafeAddress``."""
    distinct = tuple(dict.fromkeys(addresses))
    if not distinct:
        raise UnsafeAddress(f"{host} resolves to no address")
    if len(distinct) > ADDRESSES_MAX:
        raise UnsafeAddress(f"{host} resolves to {len(distinct)} addresses, at most {ADDRESSES_MAX} are looked at")
    for address in distinct:
        try:
            why = why_not_public(address)
        except (AddressValueError, ValueError):
            raise UnsafeAddress(f"{host} resolves to {address!r}, which is no address") from None
        if why is not None and not allow_private:
            raise UnsafeAddress(f"{host} resolves to {address}, which is not public ({why})")
    return distinct


def target(url: str, resolve: Resolver, *, seconds: float = 5.0, allow_private: bool = False) -> Target:
    """
    Return where *url* leads, with every address judged. Raises ``UnsafeAddress``.

    Without *allow_private* only https and only public addresses will do.
    """
    from httpx2 import URL, InvalidURL

    try:
        parsed = URL(url)
        scheme, host = parsed.scheme, parsed.raw_host.decode("ascii")
        port = parsed.port or _PORTS.get(scheme, 0)
    except (InvalidURL, ValueError) as error:
        raise UnsafeAddress(f"{url!r} is not a web address: {error}") from None
    if scheme not in _PORTS or not _HOST.fullmatch(host) or port > PORT_MAX:
        raise UnsafeAddress(f"{url!r} is not a web address")
    if scheme != "https" and not allow_private:
        raise UnsafeAddress(f"{host} would be called without encryption; use https")
    if parsed.userinfo:
        raise UnsafeAddress(f"the address of {host} carries a user or a password")
    try:
        found = resolve(host, port, seconds)
    except OSError as error:
        raise UnsafeAddress(f"{host} does not resolve: {error}") from error
    return Target(scheme, host, port, parsed.raw_path, judged(found, host, allow_private=allow_private))


def system_resolver(host: str, port: int, seconds: float) -> Sequence[str]:
    """Ask the system's resolver, and wait no longer than so many seconds. Raises ``OSError``."""

    def look_up() -> Sequence[str]:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

    return in_time(look_up, seconds)


def in_time(look_up: Callable[[], Sequence[str]], seconds: float) -> Sequence[str]:
    """Return what *look_up* returns, if it does so within so many seconds. Raises ``OSError``."""
    answer: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            answer.put(look_up())
        except OSError as error:
            answer.put(error)
        except UnicodeError as error:
            answer.put(OSError(str(error)))

    # The system's look-up knows no time-out; a thread that is left behind ends when the system gives up.
    threading.Thread(target=ask, name="figuard-resolve", daemon=True).start()
    try:
        came = answer.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if isinstance(came, OSError):
        raise came
    return came
