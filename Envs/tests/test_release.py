"""Sessions that are given up, taken away, or lost with their daemon: the client owns one again only when its program says so."""

from __future__ import annotations

import pytest
from fake_daemon import FakeDaemon, error
from test_client import look
from test_ownership import end, kinds, owned, still
from uio2_client import Client, ClientError, Timeout
from uio2_client import uio2_pb2 as pb


def test_a_session_is_given_up() -> None:
    with FakeDaemon(still, owned()) as daemon, Client(daemon.address) as client:
        client.hello()
        assert client.release() is False and not client.is_owner
        client.resume_unknown_sessions()
        assert kinds(daemon) == ["hello", "release", "resume"]
        assert daemon.requests[2].resume.unknown_sessions


def test_a_session_that_was_given_up_is_owned_again_only_by_a_hello_of_the_program() -> None:
    with FakeDaemon(still, owned()) as daemon, Client(daemon.address, timeout=5) as client:
        client.hello()
        client.release()
        for move in (lambda: client.act(look(1)), client.reset, client.resume):
            with pytest.raises(ClientError, match="given its session up") as caught:
                move()
            assert caught.value.code == "not_owner"
        client._transport.disconnect()
        with pytest.raises(ClientError, match="not_owner"):
            client.act(look(1))  # nor does a new connection say hello
        client.stop("a stop always goes through")
        assert kinds(daemon) == ["hello", "release", "stop"]
        client.hello()
        client.act(look(1))
        assert client.is_owner


def test_a_lost_answer_to_a_release_gives_the_session_up_too() -> None:
    with FakeDaemon(still, owned(), on_other=lambda request: None) as daemon, Client(daemon.address) as client:
        client.hello()
        with pytest.raises(Timeout):
            client.release(timeout=0.1)
        with pytest.raises(ClientError, match="not_owner"):
            client.act(look(1))
        assert kinds(daemon) == ["hello", "release"]


def test_who_is_told_over_the_same_connection_that_he_is_no_owner_does_not_become_one() -> None:
    def answer(index: int, seen: pb.Observation):
        return error("not_owner") if index == 0 else still(index, seen)

    with FakeDaemon(answer, owned()) as daemon, Client(daemon.address) as client:
        client.hello()
        for sequence in (1, 2):
            with pytest.raises(ClientError, match="not_owner"):
                client.act(look(sequence))
            assert not client.is_owner
        with pytest.raises(ClientError, match="not_owner"):
            client.reset()
        assert kinds(daemon) == ["hello", "observation"], "the operator has released the session"
        client.hello()
        client.act(look(3))
        assert kinds(daemon)[2:] == ["hello", "observation"]


def test_who_is_told_so_by_a_daemon_that_was_restarted_greets_it_and_asks_once_more(monkeypatch) -> None:
    with FakeDaemon(still, owned()) as first, Client(first.address) as client:
        client.hello()
        end(first, client)

        def answer(index: int, seen: pb.Observation):
            return error("not_owner") if index == 0 else still(index, seen)

        with FakeDaemon(answer, owned(), address=first.address) as second:
            # This side notices only after the refusal that the connection is another one.
            client._transport.disconnect()
            client._agreed.is_current = True
            receive = client._transport.receive

            def refused(deadline: float) -> bytes | None:
                data = receive(deadline)
                client._transport._is_broken = len(second.requests) == 1
                return data

            monkeypatch.setattr(client._transport, "receive", refused)
            client.act(look(1))
            assert kinds(second) == ["observation", "hello", "observation"]


def test_no_owner_and_nothing_agreed() -> None:
    with FakeDaemon(lambda index, seen: error("not_owner")) as daemon, Client(daemon.address) as client:
        with pytest.raises(ClientError, match="not_owner"):
            client.act(look(1))
        assert kinds(daemon) == ["observation"], "nothing was agreed upon, so that nothing can be compared"
