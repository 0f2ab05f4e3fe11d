"""
The guard: only what everyone on the internet can reach anyway.
"""

from __future__ import annotations

import socket
import threading

import pytest

from figuard.webhooks.addresses import UnsafeAddress, in_time, judged, system_resolver, target, why_not_public

PUBLIC = "8.8.8.8"


def resolving(*addresses):
    return lambda *_: addresses


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.0.1",
        "198.20.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)  # fmt: skip
def test_public(address):
    assert why_not_public(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8", "168.63.129.16",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254",
        "64:ff9b:1::8.8.8.8", "2001::1", "2001:db8::1", "2001:10::1", "2002:a00:1::1", "2002:808:808::1", "3fff::1",
        "5f00::1", "100::1",
    ],
)  # fmt: skip
def test_not_public(address):
    assert why_not_public(address)


def test_one_private_address_among_public_ones_is_enough():
    with pytest.raises(UnsafeAddress, match=r"hook\.test resolves to 10\.0\.0\.7, which is not public"):
        judged([PUBLIC, "10.0.0.7"], "hook.test")


@pytest.mark.parametrize(
    ("addresses", "why"),
    [([], "no address"), ([f"8.8.8.{n}" for n in range(17)], "17 addresses"), (["not-an-ip"], "is no address")],
)
def test_an_odd_answer_is_refused(addresses, why):
    with pytest.raises(UnsafeAddress, match=why):
        judged(addresses, "hook.test")


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("https://hook.test/a?b=c#d", "hook.test", 443, "hook.test", b"/a?b=c"),
        ("https://hook.test:8443", "hook.test", 8443, "hook.test:8443", b"/"),
        ("https://bücher.test/ä", "xn--bcher-kva.test", 443, "xn--bcher-kva.test", b"/%C3%A4"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "[2606:4700::1111]", b"/"),
        ("https://[2606:4700::1111]:44/", "2606:4700::1111", 44, "[2606:4700::1111]:44", b"/"),
    ],
)
def test_the_parts_of_a_url(url, host, port, authority, path):
    found = target(url, resolving(PUBLIC))

    assert (found.host, found.port, found.authority, found.path) == (host, port, authority, path)
    assert found.addresses == (PUBLIC,)


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.test/", "ftp://hook.test/", "file:///etc/passwd", "https:///path", "https://", "",
        "https://user:secret@hook.test/", "https://hook.test:99999/", "https://exa mple.test/", "//hook.test/",
    ],
)  # fmt: skip
def test_what_is_no_public_web_address(url):
    with pytest.raises(UnsafeAddress):
        target(url, resolving(PUBLIC))


def test_the_credentials_of_a_url_are_not_repeated():
    with pytest.raises(UnsafeAddress) as refused:
        target("https://user:hunter2@hook.test/", resolving(PUBLIC))

    assert "hunter2" not in str(refused.value)


def test_private_and_unencrypted_are_allowed_where_the_operator_says_so():
    assert target("http://hook.test/", resolving("10.0.0.7"), allow_private=True).addresses == ("10.0.0.7",)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]"])
def test_this_machine_by_any_name_is_refused(host):
    """
    However the number is written, what the system would connect to is what is judged.
    """
    with pytest.raises(UnsafeAddress):
        target(f"https://{host}/", system_resolver)


def test_a_name_that_does_not_resolve_is_refused():
    def resolve(host, port, seconds):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(UnsafeAddress, match=r"hook\.test does not resolve"):
        target("https://hook.test/", resolve)


def test_a_resolver_that_hangs_is_not_waited_for():
    over = threading.Event()

    def hang():
        over.wait(30)
        return [PUBLIC]

    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        in_time(hang, 0.01)
    over.set()


def test_a_name_the_system_cannot_even_ask_for_is_refused():
    with pytest.raises(OSError, match="label"):
        system_resolver("a" * 64 + ".test", 443, 5)
