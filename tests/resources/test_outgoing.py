"""Requests to URLs of others: where they may lead, and how long and how much they may take."""

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvalidInput, PermanentError, TransientError
from domain.rooms import RoomSettings
from domain.urls import check_url
from resources.outgoing.addresses import ForbiddenAddress, check_addresses, parse_networks
from resources.outgoing.http import MOST_BYTES, Outgoing
from testing.hosts.host import Answer, Host, Request


class Anything(Host[Request]):
    """Takes every request."""

    def read(self, request: Request) -> Request | Answer:
        return request

    def reply(self, call: Request) -> Answer:
        return Answer(200, b"taken")


FORBIDDEN = [
    "127.0.0.1",
    "127.0.0.1:8080",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "①②⑦.⓪.⓪.①",
    "localhost",
    "LOCALHOST",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "10.0.0.1:22",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]:443",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:1:2:3:4:5:6]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[100::1]",
    "[3fff::1]",
]
UNUSABLE = [
    "https://",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "example.com",
    "",
    "https://exa mple.com/",
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]


@pytest.mark.parametrize("host", FORBIDDEN)
def test_no_form_of_an_address_that_isnt_public_is_called(host: str) -> None:
    with pytest.raises(ForbiddenAddress, match="REFLECTOR_ALLOWED_NETWORKS"):
        Outgoing().post(f"https://{host}/hook?key=secret", b"{}", {})


@pytest.mark.parametrize("url", UNUSABLE)
def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Outgoing().post(url, b"{}", {})
    assert "password" not in str(caught.value).replace("a user or a password", "")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert check_addresses("it", [address], []) == [address]


def test_one_forbidden_address_of_a_host_is_enough() -> None:
    with pytest.raises(ForbiddenAddress):
        check_addresses("it", ["8.8.8.8", "10.0.0.1"], [])
    with pytest.raises(ForbiddenAddress):
        check_addresses("it", ["8.8.8.8", "fe80::1%eth0"], [])


def test_networks_are_allowed_one_by_one() -> None:
    allowed = parse_networks("10.1.0.0/16, 127.0.0.0/8")
    inside = ["10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"]
    assert check_addresses("it", inside, allowed) == inside
    for outside in ("10.2.0.1", "::1", "169.254.169.254"):
        with pytest.raises(ForbiddenAddress):
            check_addresses("it", [outside], allowed)


def test_a_server_on_a_forbidden_address_gets_no_byte() -> None:
    with Anything() as server:
        with pytest.raises(ForbiddenAddress):
            Outgoing(allow_http=True, allowed_networks="10.0.0.0/8").post(f"{server.url}/", b"{}", {})
        assert server.requests == []


def test_a_host_that_is_no_name_by_the_newer_rules_is_looked_up() -> None:
    for url in ("https://i❤.ws/", "https://xn--i-7iq.ws.invalid/"):
        with pytest.raises(TransientError, match="has no address"):
            Outgoing().post(url, b"{}", {})


@given(st.one_of(st.text(), st.builds("https://{}{}".format, st.text(max_size=20), st.sampled_from(["", "/a?b#c"]))))
@example("https://i❤.ws/")
@example("https://a..b/")
@example("https://h:0/")
def test_what_a_room_takes_is_stored_as_it_is_posted_to(text: str) -> None:
    try:
        stored = RoomSettings(webhook_url=text).webhook_url
    except ValidationError:
        with pytest.raises(InvalidInput):
            check_url(text)
        return
    assert stored is not None
    assert check_url(stored).text == check_url(text).text == stored
    # The client that posts to it takes it as it is.
    assert str(httpx.URL(stored).copy_with(fragment=None)).isascii()
    assert httpx.URL(stored).raw_host.decode() in stored


def to_loopback(timeout: float = 10) -> Outgoing:
    return Outgoing(allow_http=True, allowed_networks="127.0.0.0/8", timeout=timeout)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433"])
def test_allowed_networks_are_called_with_body_headers_and_the_urls_own_host(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with Anything() as server:
        answer = to_loopback().post(f"http://{host}:{server.server.server_port}/a?b=c", b"{}", {"X-One": "1"})
        [request] = server.requests
    assert (answer.status, answer.body) == (200, b"taken")
    assert (request.path, request.query, request.raw, request.headers["X-One"]) == ("/a", {"b": "c"}, b"{}", "1")
    assert request.headers["Host"] == f"127.0.0.1:{server.server.server_port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["http://169.254.169.254/latest/meta-data?x=y", "/elsewhere"])
def test_redirects_are_reported_and_not_followed(status: int, where: str) -> None:
    with Anything() as server:
        server.plan(1, lambda _: Answer(status, b"", {"Location": where}))
        answer = to_loopback().post(server.url, b"{}", {})
        assert (answer.status, answer.location) == (status, where.split("?", maxsplit=1)[0])
        assert len(server.requests) == 1


@pytest.mark.parametrize("trouble", ["hang", "reset"])
def test_no_answer_is_transient_within_the_time(trouble: str) -> None:
    with Anything() as server:
        server.reset(begun=False) if trouble == "reset" else server.hang()
        with pytest.raises(TransientError) as caught:
            to_loopback(timeout=0.5).post(f"{server.url}/?key=secret", b"{}", {})
    assert "secret" not in str(caught.value)
    assert not isinstance(caught.value, PermanentError)


def test_a_body_that_never_ends_blocks_nobody_else_and_the_status_counts() -> None:
    with Anything() as server:
        server.drip()
        assert to_loopback(timeout=0.5).post(server.url, b"{}", {}).status == 200
        server.plan(1, lambda _: Answer(500, b"x" * 10_000_000))
        assert len(to_loopback().post(server.url, b"{}", {}).body) == MOST_BYTES


def test_a_name_without_address_and_a_port_without_server_are_transient() -> None:
    for url in ("http://nobody.invalid/", "http://127.0.0.1:1/"):
        with pytest.raises(TransientError):
            to_loopback().post(url, b"{}", {})
