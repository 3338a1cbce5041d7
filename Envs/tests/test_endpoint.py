"""Addresses: what the client takes is what the daemon's own client takes, and nothing else reaches ZeroMQ."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from uio2_client import Client, ClientError, Disconnected, Endpoint, InvalidAddress
from uio2_client.transport import Transport

ADDRESSES = json.loads((Path(__file__).parent / "addresses.json").read_text(encoding="utf-8"))
"""`EndpointTests.swift` reads the same file."""


@pytest.mark.parametrize("text", ADDRESSES["connect"])
def test_good_addresses(text: str) -> None:
    assert Endpoint.parse(text).text == text
    Client(text).close()


@pytest.mark.parametrize("text", ADDRESSES["listen_only"] + ADDRESSES["refused"])
def test_addresses_that_mean_something_else_are_refused_before_anything_connects(text: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        Client(text)
    assert caught.value.code == "malformed" and caught.value.field == (text or "address")
    assert isinstance(caught.value, ClientError) and isinstance(caught.value, ValueError)


def test_a_refusal_says_what_to_write_instead() -> None:
    for text, advice in [
        ("tcp://127.0.0.1:99999", "1 to 65535"),
        ("tcp://::1:5555", "tcp://[::1]:5555"),
        ("ipc://@x", "give a path"),
        ("ws://127.0.0.1:80", "expected tcp://HOST:PORT or ipc://PATH"),
        ("tcp://*:5555", "name one machine"),
    ]:
        with pytest.raises(InvalidAddress, match=advice.replace("[", r"\[")):
            Endpoint.parse(text)


def test_localhost_is_looked_for_where_daemons_listen_by_default() -> None:
    assert Endpoint.parse("tcp://localhost:5555").connectable == "tcp://127.0.0.1:5555"
    assert Endpoint.parse("tcp://[::1]:5555").needs_ipv6(0.0)
    assert not Endpoint.parse("tcp://127.0.0.1:5555").needs_ipv6(0.0)


def test_a_name_server_that_does_not_answer_costs_no_more_than_the_deadline(monkeypatch) -> None:
    answers = threading.Event()
    asked: list[str] = []

    def resolve(host: str, *_) -> list:
        asked.append(host)
        assert answers.wait(timeout=60)
        return []

    monkeypatch.setattr("uio2_client.endpoint.socket.getaddrinfo", resolve)
    with Client("tcp://robot.example.org:5555") as client:
        began = time.monotonic()
        with pytest.raises(Disconnected, match="not resolved in time"):
            client.hello(timeout=0.2)
        assert time.monotonic() - began < 20
    answers.set()
    assert set(asked) == {"robot.example.org"}


def test_a_name_is_resolved_once(monkeypatch) -> None:
    asked: list[str] = []

    def resolve(host: str, *_) -> list:
        asked.append(host)
        raise OSError("no such name")

    monkeypatch.setattr("uio2_client.endpoint.socket.getaddrinfo", resolve)
    with Client("tcp://robot.example.org:5555") as client:
        with pytest.raises(Disconnected, match="cannot be resolved: no such name"):
            client.reset(timeout=5)
        assert len(asked) == 1
    monkeypatch.setattr("uio2_client.endpoint.socket.getaddrinfo", lambda host, *_: asked.append(host) or [(2,)])
    with Client("tcp://localhost.:9") as client:
        for _ in range(3):
            with pytest.raises(Disconnected, match="no daemon"):
                client.reset(timeout=0.05)
    assert len(asked) == 2


class Breaking(Transport):
    """Whose every connection has broken, some thousand times, by when it is used."""

    breaks = 3_000

    class Socket:
        def disable_monitor(self) -> None: ...

        def close(self) -> None: ...

    def _open(self, deadline: float):
        self._socket = self.Socket()
        self._is_connected = True

    def is_broken(self, milliseconds: int = 0) -> bool:
        self.breaks -= 1
        return self.breaks > 0


def test_connections_that_break_are_followed_by_others_in_a_loop() -> None:
    transport = Breaking("tcp://127.0.0.1:9", lambda: None)
    transport.connect(time.monotonic() + 60)
    assert transport.breaks == 0
    transport.breaks = 10**9
    with pytest.raises(Disconnected, match="broke at once"):
        transport.connect(time.monotonic() + 0.01)
    transport.close()
