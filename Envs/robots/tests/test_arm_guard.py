"""What keeps an arm still until a person says go, and what ends a driver that hangs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_daemon import chunk_for
from uio2_client import ClientError, Disconnected, Timeout
from uio2_client import uio2_pb2 as pb

from uio2_robots.guard import Guard, GuardedLink, Operator

WATCHDOG = Path(__file__).resolve().parents[1]


class Daemon:
    """Answers, or does what the script says next."""

    def __init__(self) -> None:
        self.connections = 1
        self.asked: list[pb.Observation] = []
        self.script: Iterator[object] = iter(())

    def reset(self) -> bool:
        return False

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        self.asked.append(observation)
        event = next(self.script, None)
        if isinstance(event, Exception):
            raise event
        if event == "reconnect":
            self.connections += 1
        return chunk_for(observation, [[0.0]])


class Rig:
    def __init__(self) -> None:
        self.frozen, self.said = 0, []
        self.guard = Guard(self._freeze, self.said.append)
        self.daemon = Daemon()
        self.link = GuardedLink(self.daemon, self.guard)

    def _freeze(self) -> None:
        self.frozen += 1

    def ask(self) -> str:
        """``"moves"``, or the code of the refusal."""
        try:
            self.link.act(pb.Observation(sequence=1, captured_at=100))
            return "moves"
        except ClientError as error:
            return error.code


@pytest.mark.parametrize("loss", [Disconnected("d", "broke"), Timeout("d", 1.0)])
def test_a_lost_connection_keeps_the_arm_still_until_a_person_says_go(loss: Exception) -> None:
    rig = Rig()
    rig.daemon.script = iter([None, loss, "reconnect"])
    assert rig.ask() == "moves"
    assert rig.ask() == loss.code and rig.frozen == 1
    assert [rig.ask() for _ in range(3)] == ["stopped"] * 3
    assert len(rig.daemon.asked) == 2, "nothing is asked meanwhile"
    rig.guard.clear()
    assert rig.ask() == "moves", "one go is enough for the connection that follows"


def test_commands_that_come_over_a_connection_made_anew_are_dropped() -> None:
    rig = Rig()
    rig.daemon.script = iter([None, "reconnect"])
    assert rig.ask() == "moves"
    # The client has connected again by itself, as after a restart between two questions.
    assert rig.ask() == "stopped" and rig.frozen == 1
    rig.guard.clear()
    assert rig.ask() == "moves"


def test_a_refusal_over_a_new_connection_latches_too() -> None:
    rig = Rig()
    rig.daemon.connections += 1
    rig.daemon.script = iter([ClientError("stale_observation", "observation", "old")])
    assert rig.ask() == "stale_observation"
    assert rig.ask() == "stopped"


def test_a_loss_after_go_latches_again() -> None:
    rig = Rig()
    rig.daemon.script = iter([Timeout("d", 1.0), Disconnected("d", "still away")])
    assert rig.ask() == "timeout"
    rig.guard.clear()
    assert rig.ask() == "disconnected" and rig.ask() == "stopped"


def test_an_answer_is_dropped_when_the_operator_stops_while_it_is_awaited() -> None:
    rig = Rig()
    rig.daemon.act = lambda observation: (rig.guard.latch("enough"), chunk_for(observation, [[0.0]]))[1]  # type: ignore[method-assign]
    assert rig.ask() == "stopped" and rig.frozen == 1


def test_an_observation_is_as_old_as_its_pictures() -> None:
    rig = Rig()
    link = GuardedLink(rig.daemon, rig.guard, lambda: 40)
    assert link.act(pb.Observation(sequence=1, captured_at=100)).captured_at == 40
    link = GuardedLink(rig.daemon, rig.guard, lambda: 400)
    assert link.act(pb.Observation(sequence=2, captured_at=100)).captured_at == 100


def test_pictures_that_are_not_of_now_are_not_asked_about() -> None:
    rig = Rig()
    trouble: list[ClientError | None] = [ClientError("stale_observation", "top", "0.8 s old")]
    rig.link = GuardedLink(rig.daemon, rig.guard, trouble=lambda: trouble[0])
    assert rig.ask() == "stale_observation" and rig.guard.reason is None
    trouble[0] = None
    assert rig.ask() == "moves" and len(rig.daemon.asked) == 1
    trouble[0] = ClientError("frozen_camera", "top", "top shows the same")
    assert rig.ask() == "frozen_camera" and rig.guard.reason == "top shows the same" and rig.frozen == 1
    trouble[0] = None
    assert rig.ask() == "stopped", "until a person says go"
    assert rig.guard.clear() and not rig.guard.clear()
    assert rig.ask() == "moves"


def test_an_operator_stops_with_anything_but_go_and_quit() -> None:
    guard, quits = Guard(), []

    def hear(*lines: str) -> str | None:
        given = iter(lines)
        Operator(lambda: next(given, ""), guard, lambda: quits.append(True)).listen()
        return guard.reason

    assert hear("\n") == "stopped by the operator"
    assert hear("GO \n") is None
    assert hear("what?\n") and hear("go\n", "stop\n") and not quits
    assert hear("go\n") is None
    assert hear("quit\n") is None and quits == [True]
    assert hear() is None, "the end of the stream is no word"


def test_a_terminal_that_is_gone_takes_nobodys_word_away() -> None:
    frozen = []

    def broken(line: str) -> None:
        raise BrokenPipeError

    guard = Guard(lambda: frozen.append(True), broken)
    lines = iter(["\n", "go\n", "\n"])
    Operator(lambda: next(lines, ""), guard, lambda: None).listen()
    assert guard.reason == "stopped by the operator" and len(frozen) == 2


def test_the_daemons_last_word_is_kept_until_it_gives_actions_again() -> None:
    rig = Rig()
    rig.daemon.script = iter([ClientError("stopped", "session", "s"), ClientError("late", "a", "l"), None])
    assert rig.ask() == "stopped" and rig.link.is_stopped and rig.guard.reason is None
    assert not rig.link.reset() and rig.link.ask_stopped()
    assert rig.ask() == "late" and rig.link.is_stopped
    assert rig.ask() == "moves" and not rig.link.is_stopped
    rig.daemon.reset = lambda: True  # type: ignore[method-assign]
    assert rig.link.ask_stopped() and rig.link.is_stopped


def test_a_daemon_that_cannot_be_asked_has_confirmed_no_stop() -> None:
    rig = Rig()

    def silent() -> bool:
        raise Timeout("d", 1.0)

    rig.daemon.reset = silent  # type: ignore[method-assign]
    assert not rig.link.ask_stopped() and rig.guard.reason is None


def test_the_first_reason_stays_and_is_said_once() -> None:
    rig = Rig()
    rig.guard.latch("first")
    rig.guard.latch("second")
    assert rig.guard.reason == "first" and rig.frozen == 2 and len(rig.said) == 1
    rig.guard.clear()
    rig.guard.clear()
    assert rig.said[1:] == ["going on"]


DRIVER = """
import sys, time
sys.path.insert(0, {folder!r})
from uio2_robots.watchdog import Watchdog
with Watchdog(0.2) as watchdog:
    for word in sys.argv[1:]:
        if word == "beat":
            watchdog.beat()
        elif word == "rest":
            watchdog.rest()
        elif word == "wait":
            time.sleep(0.6)
        elif word == "hang":
            time.sleep(60)
        elif word == "fail":
            raise RuntimeError("as drivers do")
print("ended by itself", flush=True)
"""


def drive(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DRIVER.format(folder=str(WATCHDOG)), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_a_driver_that_hangs_is_ended() -> None:
    ended = drive("beat", "hang")
    assert ended.returncode == -signal.SIGKILL
    assert "no word of the driver for 0.2 s" in ended.stderr and not ended.stdout


def test_a_driver_at_rest_may_be_silent() -> None:
    ended = drive("wait", "beat", "rest", "wait", "beat", "rest")
    assert ended.returncode == 0 and ended.stdout == "ended by itself\n" and not ended.stderr


def test_a_driver_that_fails_ends_the_watch() -> None:
    ended = drive("beat", "fail")
    assert ended.returncode == 1 and "as drivers do" in ended.stderr and "no word" not in ended.stderr
