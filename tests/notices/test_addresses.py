"""Addresses: only what is on the public internet is public, however it is spelled."""

import pytest

from augury.notices.addresses import is_permitted, names_private, networks, system_resolver

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "2a02:6b8::2:242", "64:ff9b::808:808"]
PRIVATE = [
    "0.0.0.0",  # noqa: S104 - nothing listens here
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.0.9",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.200",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "224.0.1.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_permitted(address: str) -> None:
    """What is routed on the internet may be reached."""
    assert is_permitted(address, ())


@pytest.mark.parametrize("address", PRIVATE)
def test_no_other_address_is_permitted(address: str) -> None:
    """Nothing inside, reserved, shared or multicast is reached, packed into IPv6 or not."""
    assert not is_permitted(address, ())


def test_the_operator_can_permit_networks() -> None:
    """A named network may be reached, also as IPv4 inside IPv6, and its neighbours may not."""
    permitted = networks(" 10.20.0.0/16, fd00::/64 ,")
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "fd00::7"):
        assert is_permitted(address, permitted)
    for address in ("10.21.0.1", "127.0.0.1", "fd01::7", "169.254.169.254"):
        assert not is_permitted(address, permitted)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "intranet", "10.0.0.0/8;::/0"])
def test_networks_are_read_strictly(text: str) -> None:
    """What is no list of networks is no permission."""
    with pytest.raises(ValueError, match="."):
        networks(text)


@pytest.mark.parametrize(
    "host",
    [
        *(address for address in PRIVATE if "%" not in address),
        "localhost",
        "a.localhost",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
    ],
)
def test_a_host_that_is_a_private_address_is_seen_at_once(host: str) -> None:
    """Every spelling of a private address that resolvers understand is one."""
    assert names_private(host, ())


@pytest.mark.parametrize("host", [*PUBLIC, "example.com", "127.0.0.1.example.com", "134744072"])
def test_other_hosts_are_not_judged_by_their_names(host: str) -> None:
    """A public address passes, and what a name resolves to is found when it is connected to."""
    assert not names_private(host, ())


def test_a_permitted_network_may_be_named() -> None:
    """With loopback permitted, `localhost` is a host like any other."""
    assert not names_private("localhost", networks("127.0.0.0/8"))


def test_the_system_resolves_names() -> None:
    """The resolver of the system gives addresses without doubles, or an OSError."""
    assert system_resolver("127.0.0.1", 80) == ["127.0.0.1"]
    assert "127.0.0.1" in system_resolver("localhost", 80)
    with pytest.raises(OSError, match="."):
        system_resolver("no-such-name.invalid", 80)
