"""An arm whose cameras and joints are processes of their own, and what becomes of it when one of them stops."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from uio2_client import ArmPublisher, CameraPublisher, Client, ClientError, CommandFollower, read_token
from uio2_client import uio2_pb2 as pb

from uio2_envs import streaming

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / ".build" / "release" / "uio2"
POLICY = ROOT / "Policies" / "metaworld-mt5"
PERIOD = 0.05
"""Seconds of the example's control step."""


class Process:
    """A process of the rig and the lines that it has said."""

    def __init__(self, *command: object, errors: bool = False) -> None:
        self.lines: list[str] = []
        place = os.pathsep.join(str(ROOT / "Envs" / part) for part in (".", "client"))
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": place},
            **{"stderr" if errors else "stdout": subprocess.PIPE},
        )  # fmt: skip
        self._stream = self.process.stderr if errors else self.process.stdout
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._stream or ():
            self.lines.append(line)

    def wait(self, is_it: Callable[[str], bool], seconds: float = 30) -> str:
        """The first line from now on that is as it shall be."""
        deadline, seen = time.monotonic() + seconds, len(self.lines)
        while time.monotonic() < deadline:
            for line in self.lines[seen:]:
                seen += 1
                if is_it(line):
                    return line
            time.sleep(0.005)
        raise AssertionError(f"no such line within {seconds} s; the last: {self.lines[-5:]}")

    def says(self, *words: str, seconds: float = 30) -> None:
        """Waits for a line with all of these, earlier ones too."""
        deadline = time.monotonic() + seconds
        while not any(all(word in line for word in words) for line in list(self.lines)):
            assert time.monotonic() < deadline, f"nothing with {words} within {seconds} s: {self.lines[-5:]}"
            time.sleep(0.005)

    def end(self) -> None:
        for number in (signal.SIGCONT, signal.SIGTERM):
            self.process.send_signal(number)
        self.process.wait(30)


class Rig:
    """The daemon, the arm and its two cameras, started in an order in which nobody waits for another."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.commands = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        self.address, self.operator = f"ipc://{folder}/daemon", folder / "operator"
        self.places = {name: f"ipc://{folder}/{name}" for name in ("corner2", "topview", "joints")}
        sources: list[dict] = [
            {"name": "corner2", "address": self.places["corner2"], "age_ms": 1000, "frozen_ms": 5000},
            {"name": "wrist", "camera": "topview", "address": self.places["topview"], "age_ms": 1000},
            {"name": "joints", "arm": True, "address": self.places["joints"], "age_ms": 1000},
        ]
        wire = {
            "address": self.commands.replace("tcp", "topics"), "sources": sources, "skew_ms": 1000, "rate_hz": 20,
            "instruction": "Push the drawer until it is closed.",
        }  # fmt: skip
        # A policy that waits longer for pictures: on a busy machine nothing is late that was not stopped.
        self._policy = shutil.copytree(POLICY, folder / "policy", ignore=shutil.ignore_patterns("agreement", "*.md"))
        described = json.loads((POLICY / "policy.json").read_text())
        described["control"]["maximum_observation_age_ms"] = 1000
        (self._policy / "policy.json").write_text(json.dumps(described))
        self._wires = folder / "wires.json"
        self._wires.write_text(json.dumps({"listen": [wire, {"address": self.address}]}))
        self.daemon = self.serve()
        self.arm = self.start("arm", "joints", self.places["joints"], "--commands", self.commands)
        self.cameras = {
            "corner2": self.start("camera", "corner2", self.places["corner2"], "--arm", self.places["joints"]),
            "wrist": self.start("camera", "wrist", self.places["topview"], "--arm", self.places["joints"]),
        }

    def serve(self) -> Process:
        return Process(
            TOOL, "serve", "--policy", self._policy, "--listen-file", self._wires, "--operator", self.operator, errors=True
        )

    def start(self, kind: str, name: str, *words: str) -> Process:
        return Process(sys.executable, "-m", "uio2_envs.streaming", kind, name, *words)

    def moves(self) -> None:
        self.arm.wait(lambda line: not json.loads(line)["held"])

    def holds(self, because: str) -> None:
        self.arm.wait(lambda line: because in json.loads(line)["held"])

    def resume(self) -> None:
        """As an operator does."""
        with Client(self.address, session="arm", token=read_token(self.operator)) as operator:
            operator.resume()

    def end(self) -> None:
        for part in (self.arm, *self.cameras.values(), self.daemon):
            part.end()


@pytest.fixture
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if not TOOL.exists():
        pytest.skip("swift build -c release --product uio2 comes first")
    rig = Rig(tmp_path_factory.mktemp("t"))
    try:
        yield rig
    finally:
        rig.end()


def states(process: Process) -> list[list[float]]:
    return [json.loads(line)["state"] for line in list(process.lines)]


def test_a_camera_that_is_stopped_stops_the_arm_and_is_named(rig: Rig) -> None:
    rig.moves()
    rig.cameras["wrist"].process.send_signal(signal.SIGSTOP)
    begin = len(rig.arm.lines)
    rig.holds("wrist is late")
    # Within the age of a picture, a decision and a command's deadline the arm rests, and it stays where it is.
    rest = states(rig.arm)[-1]
    assert len(rig.arm.lines) - begin <= 5 / PERIOD
    # The daemon's log has it of the source and of the session; observers are told of both, too.
    rig.daemon.says("wrist is late", "wire=topics")
    rig.daemon.says("stop latched", "wrist is late", "session=arm")
    # Nor does it go on by itself when the camera does.
    rig.cameras["wrist"].process.send_signal(signal.SIGCONT)
    rig.holds("the session is stopped")
    assert "wrist is late" in json.loads(rig.arm.lines[-1])["held"]
    assert states(rig.arm)[-1] == rest
    rig.resume()
    rig.moves()


def test_a_camera_or_an_arm_that_is_killed_stops_the_arm_and_may_come_again(rig: Rig) -> None:
    rig.moves()
    rig.cameras["corner2"].process.kill()
    rig.holds("corner2 is late")
    rig.cameras["corner2"] = rig.start("camera", "corner2", rig.places["corner2"], "--arm", rig.places["joints"])
    rig.holds("the session is stopped")
    rig.resume()
    rig.moves()


def test_a_camera_that_shows_the_same_stops_the_arm(rig: Rig) -> None:
    rig.moves()
    rig.cameras["wrist"].process.kill()
    rig.holds("wrist is late")
    with stuck_camera(rig.places["topview"], "wrist"):
        rig.holds("the session is stopped")
        rig.resume()
        rig.moves()
        # The policy finds it: the arm moves, and the pictures do not.
        rig.holds("wrist is frozen")
    rig.daemon.says("stop latched", "wrist is frozen", "session=arm")


@contextlib.contextmanager
def stuck_camera(address: str, name: str) -> Iterator[None]:
    """A camera whose driver repeats its last picture."""
    picture, is_over = streaming.picture(np.array([0.0, 0.6, 0.2]), 1), threading.Event()

    def publish() -> None:
        with CameraPublisher(address, name) as camera:
            while not is_over.wait(PERIOD):
                camera.publish(picture)

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(10)


def test_a_daemon_that_is_gone_leaves_the_arm_at_rest(rig: Rig) -> None:
    rig.moves()
    rig.daemon.process.kill()
    rig.holds("no newer have come")
    rest = states(rig.arm)[-1]
    for _ in range(5):
        rig.holds("no newer have come")
    assert states(rig.arm)[-1] == rest


def test_somebody_who_stops_the_arm_by_another_wire_stops_it(rig: Rig) -> None:
    rig.moves()
    with Client(rig.address, session="arm") as anybody:
        anybody.stop("enough")
    rig.holds("stopped")
    rig.resume()
    rig.moves()


def test_a_daemon_that_is_started_again_does_not_lift_a_stop(rig: Rig) -> None:
    rig.moves()
    with Client(rig.address, session="arm") as anybody:
        anybody.stop("enough")
    rig.holds("stopped")
    rest = states(rig.arm)[-1]
    rig.daemon.process.kill()
    rig.daemon.process.wait(30)
    rig.daemon = rig.serve()
    # The arm tells it.
    rig.daemon.says("stop latched", "session=arm")
    rig.arm.wait(lambda line: json.loads(line)["at"] > 0)
    assert states(rig.arm)[-1] == rest
    rig.resume()
    rig.moves()


@contextlib.contextmanager
def publishing(address: str) -> Iterator[Callable[..., None]]:
    """A daemon's publisher, without one."""
    context = zmq.Context()
    socket_ = context.socket(zmq.XPUB)
    socket_.bind(address)
    numbers = itertools.count(1)

    def send(reply: pb.Reply, life: int = 1) -> None:
        reply.protocol_version, reply.session_id = 2, "arm"
        reply.request_id = reply.request_id or (life << 32) + next(numbers)
        socket_.send_multipart([b"arm", reply.SerializeToString()])

    send.wait_for_a_subscription = lambda: socket_.recv()  # type: ignore[attr-defined]
    try:
        yield send
    finally:
        socket_.close(linger=0)
        context.term()


def chunk(*values: float, seconds: float = 10.0, seen: int | None = None) -> pb.Reply:
    """Commands for what was seen at a moment, or now."""
    return pb.Reply(
        sent_at=7,
        action_chunk=pb.ActionChunk(
            captured_at=time.monotonic_ns() if seen is None else seen,
            valid_until=time.monotonic_ns() + round(seconds * 1e9), actions=[pb.Action(values=[value]) for value in values]
        ),
    )


def test_an_arm_has_each_action_once_within_its_deadline_and_of_the_last_chunk(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/c"
    with publishing(address) as send, CommandFollower(address) as follower:
        send.wait_for_a_subscription()
        assert follower.next_action() is None and follower.echo is None
        send(chunk(1, 2))
        assert follower.wait(5)
        first = follower.next_action()
        assert first is not None and first.values == [1] and follower.consumed == 1 and follower.echo.reply_sent_at == 7
        send(chunk(3, 4))
        assert follower.wait(5)
        second = follower.next_action()
        assert second is not None and second.values == [3]
        send(pb.Reply(error=pb.Error(code=pb.ERROR_CODE_STALE_OBSERVATION, field="front", message="front is late")))
        assert follower.wait(5)
        assert follower.next_action() is None and "front is late" in follower.reason and follower.consumed == 1
        assert isinstance(follower.error, ClientError) and follower.error.code == "stale_observation"
        send(chunk(5, seconds=-1))
        assert follower.wait(5)
        assert follower.next_action() is None and "deadline" in follower.reason


def test_a_chunk_takes_over_behind_what_was_executed_since_the_arm_was_measured(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/c"
    with publishing(address) as send, CommandFollower(address) as follower:
        send.wait_for_a_subscription()

        def given() -> list[float]:
            action = follower.next_action()
            return [] if action is None else list(action.values)

        send(chunk(1, 2, 3, 4))
        assert follower.wait(5) and given() == [1]
        measured = time.monotonic_ns()
        assert given() == [2] and given() == [3]
        send(chunk(12, 13, 14, 15, seen=measured))
        assert follower.wait(5) and given() == [14] and follower.consumed == 3
        # Nothing is left of one for a moment that is too long ago; what was held meanwhile leaves nothing out.
        send(chunk(2, 3, seen=measured))
        assert follower.wait(5) and given() == [] and follower.consumed == 2 and given() == []
        send(chunk(5, 6))
        assert follower.wait(5) and given() == [5]


def stopped(is_stopped: bool) -> pb.Reply:
    return pb.Reply(acknowledgement=pb.Acknowledgement(stopped=is_stopped))


def test_a_stop_outlives_the_daemon_and_a_person_lifts_it(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/c"
    with publishing(address) as send, CommandFollower(address) as follower:
        send.wait_for_a_subscription()

        def hears(reply: pb.Reply, life: int) -> pb.Action | None:
            send(reply, life)
            assert follower.wait(5)
            return follower.next_action()

        assert hears(chunk(1, 2), 1) is not None
        assert hears(stopped(True), 1) is None and follower.is_stopped and follower.stop_to_tell is None
        # Another daemon, which knows of nothing.
        assert hears(stopped(False), 2) is None and follower.is_stopped
        assert "resume" in (follower.stop_to_tell or "")
        assert hears(chunk(3, 4), 2) is None and follower.is_stopped and "resume" in follower.reason
        # It has been told, and says so; somebody resumes the arm there.
        assert hears(stopped(True), 2) is None and follower.stop_to_tell is None
        assert hears(stopped(False), 2) is None and not follower.is_stopped
        assert hears(chunk(5, 6), 2) is not None
        # That somebody resumes it may be heard from its commands alone.
        assert hears(stopped(True), 2) is None
        assert hears(chunk(7, 8), 2) is not None and not follower.is_stopped


def test_only_newer_commands_of_the_same_policy_that_an_arm_can_execute_count(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/c"
    with publishing(address) as send, CommandFollower(address) as follower:
        send.wait_for_a_subscription()

        def hears(reply: pb.Reply, **others: object) -> list[float]:
            for name, value in others.items():
                setattr(reply.action_chunk, name, value)
            send(reply)
            assert follower.wait(5)
            action = follower.next_action()
            return [] if action is None else list(action.values)

        first = chunk(1, 2, 3)
        assert hears(first, policy_digest="a") == [1]
        # An older one takes nothing away.
        old = chunk(9, 9, 9)
        old.request_id = first.request_id
        assert hears(old, policy_digest="a") == [2]
        assert hears(chunk(9, 9, seen=1), policy_digest="a") == [3]
        for broken in ([float("nan")], [float("inf")], [], [1.0, 2.0]):
            reply = chunk(4, 5)
            del reply.action_chunk.actions[1].values[:]
            reply.action_chunk.actions[1].values.extend(broken)
            assert hears(reply, policy_digest="a") == [] and follower.error.code == "malformed", broken
        assert hears(chunk(), policy_digest="a") == [] and follower.error.code == "malformed"
        assert hears(chunk(5), policy_digest="a") == [5] and follower.error is None
        assert hears(chunk(6), policy_digest="b") == [] and follower.error.code == "policy_changed"
        assert hears(chunk(7), policy_digest="a") == [] and follower.error.code == "policy_changed"
        follower.accept_policy()
        assert hears(chunk(8), policy_digest="b") == [8] and follower.policy_digest == "b"


def test_what_is_executed_is_counted_at_the_moment_of_the_measurement(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/c"
    with publishing(address) as send, CommandFollower(address) as follower:
        send.wait_for_a_subscription()
        send(chunk(1, 2, 3, 4))
        assert follower.wait(5) and follower.next_action() is not None
        measured = time.monotonic_ns()
        assert follower.next_action() is not None
        assert (follower.consumed_at(measured), follower.consumed) == (1, 2)
        # What is dropped was not executed.
        send(stopped(True))
        assert follower.wait(5) and follower.next_action() is None and follower.consumed == 2


def test_an_arm_tells_a_daemon_of_its_stop(tmp_path: Path) -> None:
    commands, place = f"ipc://{tmp_path}/c", f"ipc://{tmp_path}/arm"
    context = zmq.Context()
    reader = context.socket(zmq.SUB)
    reader.subscribe(b"")
    reader.connect(place)
    with publishing(commands) as send, CommandFollower(commands) as follower, ArmPublisher(place, "arm") as arm:
        send.wait_for_a_subscription()

        def told(life: int, is_stopped: bool) -> bool:
            send(stopped(is_stopped), life)
            assert follower.wait(5)
            follower.next_action()
            kinds: set[str | None] = set()
            deadline = time.monotonic() + 10
            while "observation" not in kinds:
                assert time.monotonic() < deadline
                arm.publish([1.0], commands=follower)
                while reader.poll(20):
                    kinds.add(pb.Request.FromString(reader.recv_multipart()[1]).WhichOneof("body"))
            return "stop" in kinds

        assert not told(1, True)
        assert told(2, False)
        assert not told(2, True)
    reader.close(linger=0)
    context.term()


def test_an_address_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("mine")
    with pytest.raises(ClientError, match="not a socket"):
        CameraPublisher(f"ipc://{text}", "front")
    assert text.read_text() == "mine" and not (tmp_path / "notes.txt.lock").exists()
    lock = tmp_path / "poetry.lock"
    lock.write_text("mine")
    with pytest.raises(ClientError, match="not a lock"):
        CameraPublisher(f"ipc://{tmp_path}/poetry", "front")
    assert lock.read_text() == "mine"
    place = tmp_path / "front"
    with CameraPublisher(f"ipc://{place}", "front"):
        with pytest.raises(ClientError, match="in use") as refused:
            ArmPublisher(f"ipc://{place}", "arm")
        assert refused.value.code == "unavailable" and place.exists()
    assert not place.exists() and not (tmp_path / "front.lock").exists()
    # One that listens without a lock is as much alive; what a killed process left is replaced.
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(place))
        other.listen()
        with pytest.raises(ClientError, match="in use"):
            CameraPublisher(f"ipc://{place}", "front")
    assert place.exists()
    CameraPublisher(f"ipc://{place}", "front").close()
    assert not place.exists()


def test_a_time_that_no_sample_can_have_is_refused_and_leaves_the_next_alone(tmp_path: Path) -> None:
    with ArmPublisher(f"ipc://{tmp_path}/arm", "arm") as arm:
        with pytest.raises(ClientError, match="ahead"):
            arm.publish([0.0], captured_at=time.monotonic_ns() + 10**12)
        arm.publish([0.0])
        arm.publish([0.0])
        with pytest.raises(ClientError, match="after that of the last"):
            arm.publish([0.0], captured_at=5)


def test_what_a_source_publishes_is_a_request_with_the_one_part_that_it_has(tmp_path: Path) -> None:
    context = zmq.Context()
    reader = context.socket(zmq.SUB)
    reader.subscribe(b"")
    with CameraPublisher(f"ipc://{tmp_path}/a", "front") as camera, ArmPublisher(f"ipc://{tmp_path}/b", "arm") as arm:
        for place in "ab":
            reader.connect(f"ipc://{tmp_path}/{place}")
        png = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de")
        found: dict[bytes, list[pb.Request]] = {b"front": [], b"arm": []}
        for moment in itertools.count(5):
            if min(len(requests) for requests in found.values()) >= 2:
                break
            camera.publish(png, captured_at=moment)
            arm.publish([1, 2], "go")
            while reader.poll(20):
                topic, data = reader.recv_multipart()
                found[topic].append(pb.Request.FromString(data))
        one, two = (request.observation for request in found[b"front"][:2])
        assert [frame.camera for frame in one.frames] == ["front"] and not one.proprioception
        assert one.sequence < two.sequence and one.captured_at < two.captured_at
        request = found[b"arm"][0]
        assert list(request.observation.proprioception) == [1, 2] and request.observation.instruction == "go"
        assert len(request.session_token) == 16 and request.session_token != found[b"front"][0].session_token
    reader.close(linger=0)
    context.term()
