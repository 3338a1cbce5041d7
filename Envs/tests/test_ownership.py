"""Owners, clocks and changed policies: what the client does by itself, against a daemon on a real socket."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon, chunk_for, error, toy_capabilities
from test_client import look
from test_process import command, environment, expert, run
from uio2_client import Client, ClientError, Timeout, read_token, write_token
from uio2_client import uio2_pb2 as pb

from uio2_envs.rollout import greet

TOKEN = bytes(range(16))
OTHER = bytes(range(16, 32))


def owned(**changes) -> pb.Capabilities:
    return toy_capabilities(session_token=TOKEN, **changes)


def still(index: int, seen: pb.Observation) -> pb.ActionChunk:
    return chunk_for(seen, [[0.0, 0.0]])


def kinds(daemon: FakeDaemon) -> list[str]:
    return [request.WhichOneof("body") for request in daemon.requests]


def test_the_token_of_the_greeting_goes_with_every_request() -> None:
    with FakeDaemon(still, owned()) as daemon, Client(daemon.address) as client:
        own = client.token
        assert len(own) == 16 and not client.is_owner, "its own, before anybody has answered"
        client.stop("anyone may")
        client.hello()
        client.reset()
        client.act(look())
        client.resume()
        assert [request.session_token for request in daemon.requests] == [b"", own, TOKEN, TOKEN, TOKEN]
        assert client.token == TOKEN and client.is_owner
    with FakeDaemon(still, toy_capabilities()) as daemon, Client(daemon.address, token=OTHER) as client:
        client.hello()
        assert client.token == OTHER, "a stranger gets none, and keeps what it has"
        assert not client.is_owner
    with pytest.raises(ValueError, match="at most 64 bytes"):
        Client("tcp://127.0.0.1:9", token=bytes(65))


def adopting(request: pb.Request) -> pb.Capabilities:
    return toy_capabilities(session_token=request.session_token)


def test_a_lost_greeting_locks_nobody_out() -> None:
    """The daemon warms up for longer than the greeting waits, twice, and answers all of them at the end, as the real one does."""
    with FakeDaemon(still, adopting, warm_after=3) as daemon, Client(daemon.address, session="arm") as client:
        for _ in range(2):
            with pytest.raises(Timeout):
                client.hello(timeout=1.5)
        client.hello()
        assert client.is_owner
        client.act(look())
        tokens = {request.session_token for request in daemon.requests}
        assert tokens == {client.token}, "whichever greeting made the owner, it is this client"


def test_a_robot_greets_with_one_token_until_the_policy_is_warm() -> None:
    with FakeDaemon(still, adopting, warm_after=3) as daemon, Client(daemon.address, session="arm") as client:
        assert greet(client, 30.0).policy_name == "toy-policy"
        assert client.is_owner and {request.session_token for request in daemon.requests} == {client.token}

    def crowded(request: pb.Request) -> pb.Capabilities | pb.Error:
        return error("overloaded") if len(daemon.requests) < 3 else adopting(request)

    with FakeDaemon(still, crowded) as daemon, Client(daemon.address) as client:
        assert greet(client, 30.0).policy_name == "toy-policy", "too many waited, for a while"


def test_any_reason_stops() -> None:
    with FakeDaemon(still) as daemon, Client(daemon.address) as client:
        for reason in ("a\0b", "é" * 5_000, "a" + "é" * 5_000, "\ud800", ""):
            client.stop(reason)
        reasons = [request.stop.reason for request in daemon.requests]
        assert reasons == ["a b", "é" * 512, "a" + "é" * 511, "?", ""]


def test_after_a_minute_without_an_answer_the_client_asks_once_more() -> None:
    now = [10**12]

    def answer(index: int, seen: pb.Observation):
        return error("stale_observation", field="observation.echo") if index in (2, 4) else still(index, seen)

    with FakeDaemon(answer, owned()) as daemon, Client(daemon.address, clock=lambda: now[0]) as client:

        def act(sequence: int) -> None:
            seen = look(sequence)
            seen.captured_at = now[0]
            client.act(seen)

        client.hello("arm", "7")
        act(1)
        now[0] += 59 * 10**9
        act(2)
        assert kinds(daemon) == ["hello", "observation", "observation"]
        now[0] += 61 * 10**9
        act(3)
        assert kinds(daemon)[3:] == ["observation", "observation"], "no hello, which could make it an owner again"
        assert daemon.observations[2].echo.reply_received_at < now[0]
        assert daemon.observations[3].echo.reply_received_at == now[0], "the refusal is the echo"
        with pytest.raises(ClientError, match="stale_observation"):
            act(4)
        assert len(daemon.observations) == 5


def test_an_observation_that_a_jump_of_the_clock_made_doubtful_is_not_asked_again() -> None:
    now = [10**12]

    def answer(index: int, seen: pb.Observation):
        return error("stale_observation", field="observation.sent_at") if index == 1 else still(index, seen)

    with FakeDaemon(answer, owned()) as daemon, Client(daemon.address, clock=lambda: now[0]) as client:
        for sequence, jump in ((1, 0), (2, 600 * 10**9), (3, 0)):
            now[0] += jump
            seen = look(sequence)
            seen.captured_at = now[0]
            if jump:
                with pytest.raises(ClientError, match="stale_observation"):
                    client.act(seen)
            else:
                client.act(seen)
        assert [seen.sequence for seen in daemon.observations] == [1, 2, 3]


def test_an_observation_is_stamped_when_it_leaves_and_not_before() -> None:
    with FakeDaemon(still) as first:
        address = first.address
    with Client(address, timeout=20) as client, ThreadPoolExecutor(1) as pool:
        seen = look()
        chunk = pool.submit(client.act, seen)
        time.sleep(0.3)
        connected = time.monotonic_ns()
        with FakeDaemon(still, address=address) as daemon:
            chunk.result(timeout=20)
        assert daemon.observations[0].sent_at >= connected > seen.captured_at + 250_000_000


def test_the_last_reply_is_echoed() -> None:
    with FakeDaemon(still) as daemon, Client(daemon.address) as client:
        client.act(look(1))
        client.act(look(2))
        client.hello()
        client.act(look(3))
        first, second, third = daemon.observations
        assert not first.HasField("echo")
        assert 0 < second.echo.reply_sent_at <= second.echo.reply_received_at <= second.sent_at
        assert second.echo.reply_sent_at < third.echo.reply_sent_at
        greeting = daemon.requests[2].hello
        assert second.sent_at < greeting.sent_at < third.echo.reply_received_at


def test_a_clock_of_the_robots_own() -> None:
    ahead = 3_600_000_000_000

    def clock() -> int:
        return time.monotonic_ns() + ahead

    with FakeDaemon(still) as daemon, Client(daemon.address, clock=clock) as client:
        client.hello()
        seen = look()
        seen.captured_at = clock()
        client.act(seen)
        assert daemon.requests[0].hello.sent_at > ahead
        assert daemon.observations[0].sent_at >= seen.captured_at
        assert daemon.observations[0].echo.reply_received_at > ahead


def test_actions_after_their_deadline_are_not_handed_out() -> None:
    def answer(index: int, seen: pb.Observation) -> pb.ActionChunk:
        return chunk_for(seen, [[0.0, 0.0]], valid_ns=1 if index == 0 else 10**10)

    with FakeDaemon(answer) as daemon, Client(daemon.address) as client:
        with pytest.raises(ClientError, match="after their deadline") as caught:
            client.act(look(1))
        assert caught.value.code == "late"
        client.act(look(2))
    with FakeDaemon(answer) as daemon, Client(daemon.address) as client:
        simulated = look(1)
        simulated.clock, simulated.captured_at = pb.ROBOT_CLOCK_SIMULATED, 5
        with pytest.raises(ClientError, match="malformed: observation.sent_at"):
            client.act(simulated)  # which the daemon would refuse too: only the robot knows
        simulated.sent_at = 5
        assert client.act(simulated).valid_until == 6, "time stands still: the robot decides"
        assert daemon.observations[0].sent_at == 5 and not daemon.observations[0].HasField("echo")


def end(daemon: FakeDaemon, client: Client) -> None:
    """Ends the daemon once the client's connection is gone too: what is sent before that ends as ``disconnected``."""
    daemon.die()
    daemon._thread.join(timeout=5)
    assert client._transport.is_broken(5_000), "the connection did not break"


def test_another_policy_behind_the_address_is_found_before_it_sees_anything() -> None:
    with FakeDaemon(still, owned()) as first, Client(first.address) as client:
        client.hello()
        client.act(look(1))
        end(first, client)
        changed = toy_capabilities(policy_digest="4567", session_token=OTHER)
        with FakeDaemon(still, changed, address=first.address) as second:
            for sequence in (2, 3):
                with pytest.raises(ClientError, match="toy-policy .4567.* in place of toy-policy .0123") as caught:
                    client.act(look(sequence))
                assert caught.value.code == "policy_changed"
            for move in (client.reset, client.resume):
                with pytest.raises(ClientError, match="policy_changed"):
                    move()
            assert second.observations == [] and set(kinds(second)) == {"hello"}
            client.stop("a stop always goes through")
            assert client.hello().policy_digest == "4567"
            with pytest.raises(ClientError, match="policy_changed"):
                client.act(look(4))  # this daemon's chunks claim to be of the first policy


@pytest.mark.parametrize(
    "change",
    [
        lambda c: setattr(c.actions[0], "maximum", 0.04),
        lambda c: setattr(c, "control_rate", 25.0),
        lambda c: setattr(c.limits, "maximum_speed", 0.5),
        lambda c: c.cameras.add(name="wrist", width=8, height=8),
    ],
)
def test_other_capabilities_of_the_same_policy_are_found_too(change) -> None:
    with FakeDaemon(still, owned()) as first, Client(first.address) as client:
        client.hello()
        end(first, client)
        capabilities = owned()
        change(capabilities)
        with FakeDaemon(still, capabilities, address=first.address) as second:
            with pytest.raises(ClientError, match="policy_changed"):
                client.act(look(1))
            assert second.observations == []


def test_a_daemon_restarted_with_the_same_policy_is_greeted_again() -> None:
    with FakeDaemon(still, owned()) as first, Client(first.address) as client:
        client.hello("arm", "7")
        client.act(look(1))
        assert client.connections == 1
        end(first, client)
        with FakeDaemon(still, toy_capabilities(session_token=OTHER), address=first.address) as second:
            client.act(look(2))
            assert client.connections == 2
            assert kinds(second) == ["hello", "observation"]
            assert (second.requests[0].hello.client_name, second.requests[0].hello.client_version) == ("arm", "7")
            assert [request.session_token for request in second.requests] == [TOKEN, OTHER]


def test_actions_of_another_policy_are_refused_by_their_digest() -> None:
    def answer(index: int, seen: pb.Observation) -> pb.ActionChunk:
        return chunk_for(seen, [[0.0, 0.0]], policy_digest="0123" if index == 0 else "89ab")

    with FakeDaemon(answer) as daemon, Client(daemon.address) as client:
        client.hello()
        client.act(look(1))
        for sequence in (2, 3):
            with pytest.raises(ClientError, match="89ab") as caught:
                client.act(look(sequence))
            assert caught.value.code == "policy_changed"
        assert len(daemon.observations) == 2, "after that nothing is asked"


def test_a_greeting_without_an_answer_changes_nothing() -> None:
    with FakeDaemon(still, owned()) as first, Client(first.address, timeout=0.2) as client:
        client.hello()
        end(first, client)
        with pytest.raises(ClientError):
            client.hello()
        with FakeDaemon(still, owned(policy_digest="4567"), address=first.address) as second:
            with pytest.raises(ClientError, match="policy_changed"):
                client.act(look(1), timeout=5)
            assert second.observations == []


def test_names_of_sessions() -> None:
    for name in ("", "x" * 129, "zwölf", "a\nb", "tab\t"):
        with pytest.raises(ValueError, match="printable ASCII"):
            Client("tcp://127.0.0.1:9", session=name)
    Client("tcp://127.0.0.1:9", session="arm 7 (left)").close()


def test_tokens_in_files(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old", encoding="ascii")
    path.chmod(0o644)
    write_token(path, TOKEN)
    assert read_token(path) == TOKEN and path.read_text(encoding="ascii") == TOKEN.hex() + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(b"\xff no token")
    with pytest.raises(ValueError, match="expected a token"):
        read_token(path)


# The robot as a process.


def test_a_policy_that_changes_in_mid_episode_ends_the_run_before_anything_moves() -> None:
    first = FakeDaemon(lambda index, seen: first.die() if index == 3 else still(index, seen))
    with first:
        process = subprocess.Popen(
            command("toy", "--task", "reach-red", "--connect", first.address, "--events"),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        first._thread.join(timeout=60)
    with FakeDaemon(still, toy_capabilities(policy_digest="4567"), address=first.address) as second:
        output, people = process.communicate(timeout=60)
    assert process.returncode == 4, people
    events = [json.loads(line) for line in output.splitlines()]
    assert (events[-1]["event"], events[-1]["code"]) == ("failed", "policy_changed")
    assert second.observations == []
    assert sum(event["event"] == "step" for event in events) == 3


def test_a_robot_goes_on_with_the_token_that_it_kept(tmp_path: Path) -> None:
    path = tmp_path / "token"
    arguments = ("toy", "--task", "reach-red", "--seed", "7", "--session", "arm", "--token-file", str(path))
    with FakeDaemon(expert, owned()) as daemon:
        assert run(*arguments, "--connect", daemon.address)[0] == 0
        assert read_token(path) == TOKEN
        assert run(*arguments, "--connect", daemon.address)[0] == 0
        greetings = [request.session_token for request in daemon.requests if request.WhichOneof("body") == "hello"]
        assert len(greetings[0]) == 16 and greetings[1] == TOKEN
    path.write_text("nonsense", encoding="ascii")
    code, events, _ = run(*arguments, "--connect", "tcp://127.0.0.1:9", "--events")
    assert code == 4 and events[-1]["code"] == "invalid_token"


@pytest.mark.parametrize("clock", ["wall", "simulated"])
def test_a_robot_says_which_clock_it_lives_by(clock: str) -> None:
    with FakeDaemon(expert) as daemon:
        code, _, people = run(
            *("toy", "--task", "reach-red", "--seed", "7", "--connect", daemon.address, "--clock", clock)
        )
    assert code == 0, people
    assert len(daemon.observations) > 1
    for seen in daemon.observations:
        if clock == "wall":
            assert seen.clock == pb.ROBOT_CLOCK_MONOTONIC and seen.sent_at > seen.captured_at and seen.HasField("echo")
        else:
            assert seen.clock == pb.ROBOT_CLOCK_SIMULATED and seen.sent_at == seen.captured_at
            assert not seen.HasField("echo")
