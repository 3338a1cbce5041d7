"""The robot as a process: its events and exit codes, against a daemon on a real socket."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from fake_daemon import FakeDaemon, chunk_for, error, toy_capabilities
from uio2_client import uio2_pb2 as pb

from uio2_envs import toy
from uio2_envs.events import EventStream
from uio2_envs.video import compose

ENVS = Path(__file__).resolve().parents[1]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "uio2_envs", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ENVS), str(ENVS / "client")])}


def run(*arguments: str) -> tuple[int, list[dict], str]:
    """Exit code, events, and what people read."""
    done = subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def expert(index: int, seen: pb.Observation) -> pb.ActionChunk:
    """Goes for the disc of whichever of the seeds 7 and 8 began where this episode did."""
    task = next(task for task, sentence in toy.TASKS.items() if sentence == seen.instruction)
    if seen.actions_consumed == 0:
        twins = [toy.make(task), toy.make(task)]
        for twin, seed in zip(twins, (7, 8), strict=True):
            twin.reset(seed)
        position = np.array([seen.proprioception[1], seen.proprioception[0]])
        twin = min(twins, key=lambda twin: np.abs(twin._point - position).max())
        expert.goal = twin._discs[task]
    dx, dy = np.clip(expert.goal - [seen.proprioception[1], seen.proprioception[0]], -0.08, 0.08) / 4
    return chunk_for(seen, [[dy, dx]] * 4, confidence=float("nan"))


def test_events_of_a_run(tmp_path: Path) -> None:
    with FakeDaemon(expert) as daemon:
        code, events, people = run(
            *("toy", "--task", "reach-red,reach-green", "--connect", daemon.address, "--episodes", "2"),
            *("--seed", "7", "--events", "--video", str(tmp_path / "videos"), "--encoding", "png"),
        )
    assert code == 0, people
    kinds = [event["event"] for event in events]
    assert kinds[0] == "ready" and kinds[-1] == "done"
    ready = events[0]
    assert ready["policy"] == "toy-policy" and ready["tasks"] == ["reach-red", "reach-green"]
    assert (ready["episodes"], ready["seed"], ready["goal_protocol"]) == (2, 7, "fresh")
    starts = [event for event in events if event["event"] == "episode_start"]
    assert [(e["task"], e["seed"], e["episode"], e["index"], e["total"]) for e in starts] == [
        ("reach-red", 7, 0, 0, 4),
        ("reach-red", 8, 1, 1, 4),
        ("reach-green", 7, 0, 2, 4),
        ("reach-green", 8, 1, 3, 4),
    ]
    assert starts[2]["instruction"] == toy.TASKS["reach-green"]
    ends = [event for event in events if event["event"] == "episode_end"]
    assert all(end["success"] and end["held_steps"] == 0 and end["wall_s"] > 0 for end in ends)
    steps = [event for event in events if event["event"] == "step"]
    assert sum(end["policy_steps"] for end in ends) == len(steps)
    assert "period_ms" not in steps[0] and steps[1]["period_ms"] > 0
    assert {"round_trip", "vision", "render", "simulate"} <= set(steps[0]["latency_ms"])
    assert steps[0]["confidence"] is None, "JSON has no NaN"
    assert {"task", "seed", "step", "policy_steps", "success", "limited"} <= set(steps[0])
    assert daemon.observations[0].frames[0].encoding == pb.IMAGE_ENCODING_PNG
    for end in ends:
        pictures = imageio.mimread(end["video"])
        assert len(pictures) >= end["policy_steps"] + 1
        assert pictures[0].shape == (272, 384, 3)


def test_disagreement_is_3_and_moves_nothing() -> None:
    capabilities = toy_capabilities(control_rate=10.0)
    capabilities.cameras[1].name = "wrist"
    with FakeDaemon(expert, capabilities) as daemon:
        code, events, people = run("toy", "--task", "reach-red", "--connect", daemon.address, "--events")
    assert code == 3
    assert [(event["event"], event["code"], event["subject"]) for event in events] == [
        ("failed", "unknown_camera", "wrist")
    ]
    assert "overhead, follow" in events[0]["message"] and "10 Hz" in people
    assert daemon.observations == []


def test_protocol_error_is_4() -> None:
    with FakeDaemon(lambda index, seen: error("internal", "it broke", "model")) as daemon:
        code, events, _ = run("toy", "--task", "reach-red", "--connect", daemon.address, "--events")
    assert code == 4
    assert events[-1] == {"event": "failed", "code": "internal", "subject": "model", "message": "it broke"}
    code, events, _ = run(
        *("toy", "--task", "reach-red", "--connect", "tcp://127.0.0.1:9", "--events", "--connect-timeout", "0.3")
    )
    assert code == 4 and events[-1]["code"] == "disconnected"


def test_unknown_task_is_5_and_usage_2() -> None:
    code, events, _ = run("toy", "--task", "reach-blue", "--connect", "tcp://127.0.0.1:9", "--events")
    assert code == 5 and events[-1]["code"] == "unknown_task" and "reach-" in events[-1]["message"]
    assert run("toy", "--task", "reach-red")[0] == 2
    assert run("toy", "--task", ",", "--connect", "ipc:///x")[0] == 2


def test_timeouts_over_a_socket() -> None:
    """The answer to the second observation is late; it would move the point far, and must not."""

    def answer(index: int, seen: pb.Observation) -> pb.ActionChunk:
        return chunk_for(seen, [[0.02, 0.02] if index == 1 else [0.0, 0.0]] * 4, valid_ns=10**10)

    daemon = FakeDaemon(answer)
    daemon.delay = lambda index: 0.5 if index == 1 else 0.0
    with daemon:
        code, events, people = run(
            *("toy", "--task", "reach-red", "--connect", daemon.address, "--max-steps", "30", "--timeout", "0.25"),
            *("--events", "--clock", "simulated"),
        )
    assert code == 0, people
    end = events[-2]
    assert (end["event"], end["held_steps"], end["success"], end["video"]) == ("episode_end", 1, False, None)
    states = {tuple(seen.proprioception) for seen in daemon.observations}
    assert len(states) == 1, "nothing moved"
    assert "timeout" in people


def test_interrupt_is_130() -> None:
    with FakeDaemon(lambda index, seen: error("stopped")) as daemon:
        process = subprocess.Popen(
            command("toy", "--task", "reach-red", "--connect", daemon.address, "--events"),
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert json.loads(process.stdout.readline())["event"] == "ready"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        process.stdout.close()


def running(*arguments: str, stdin: int) -> subprocess.Popen[str]:
    """A robot that has begun: its first event was read."""
    process = subprocess.Popen(
        command("toy", "--task", "reach-red", "--events", *arguments),
        env=environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "ready"
    return process


def test_the_lifeline_ends_the_robot() -> None:
    """Nothing else does: the daemon refuses for as long as the robot is patient."""
    with FakeDaemon(lambda index, seen: error("stopped")) as daemon:
        process = running("--lifeline", "--connect", daemon.address, stdin=subprocess.PIPE)
        process.stdin.close()
        assert process.wait(timeout=10) == 130
        process.stdout.close()


def test_a_robot_that_python_cannot_end_ends_with_its_owner(tmp_path: Path) -> None:
    """The interpreter's lock is held, so that no thread of Python runs; the owner is killed."""
    stuck = "import ctypes; from uio2_envs import lifeline; lifeline.hold_on(); print(1, flush=True); "
    stuck += "ctypes.PyDLL(None).sleep(60)"
    owner = (
        "import subprocess, sys; "
        f"child = subprocess.Popen([sys.executable, '-c', {stuck!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE); "
        "child.stdout.readline(); print(child.pid, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", owner],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    assert ended(child)
    process.stdin.close()
    process.stdout.close()


def ended(number: int) -> bool:
    """Whether there is no such process within ten seconds."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


def test_ready_says_what_flies() -> None:
    with FakeDaemon(expert) as daemon:
        code, events, people = run(
            *("toy", "--task", "reach-red", "--connect", daemon.address, "--seed", "7", "--max-steps", "5", "--events")
        )
    assert code == 0, people
    assert events[0]["step_limit"] == 5
    simulator = events[0]["simulator"]
    assert simulator["name"] == "toy" and [module["name"] for module in simulator["modules"]] == ["uio2_envs", "numpy"]


def test_values_that_cannot_be_right_are_usage(tmp_path: Path) -> None:
    begin = time.monotonic()
    for address in ("nonsense", "tcp://host", "http://host:1", "ipc://", "tcp://:5"):
        assert run("toy", "--task", "reach-red", "--connect", address)[0] == 2, address
    code, _, people = run(
        *("toy", "--task", "reach-red", "--connect", "ipc:///x", "--python-path", str(tmp_path / "none"))
    )
    assert code == 2 and "is no folder" in people
    assert time.monotonic() - begin < 30


def test_events_are_one_line_each(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with path.open("w", encoding="utf-8") as file:
        EventStream(file).emit("x", text="a\nb“ä”", number=float("inf"), nested={"a": [1.23456789, True]})
        EventStream(None).emit("quiet")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1
    event = json.loads(path.read_text(encoding="utf-8"))
    assert event == {"event": "x", "text": "a\nb“ä”", "number": None, "nested": {"a": [1.234568, True]}}


def test_steps_that_follow_each_other_closely_share_a_write():
    class Pipe(io.StringIO):
        seen = 0

        def flush(self):
            self.seen = self.getvalue().count("\n")

    pipe, now = Pipe(), [0.0]
    events = EventStream(pipe, clock=lambda: now[0])
    written = []
    for event, at in [("start", 0), ("step", 0.01), ("step", 0.02), ("step", 0.06), ("step", 0.07), ("end", 0.08), ("step", 1)]:
        now[0] = at
        events.emit(event)
        written.append(pipe.seen)
    assert written == [1, 1, 1, 4, 4, 6, 7]


def test_captioned_picture() -> None:
    picture = compose([np.full((99, 50, 3), 9, np.uint8), np.full((33, 51, 3), 8, np.uint8)], "hello", success=True)
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert (picture[0, 0] == 9).all() and picture[-3:].max() > 150
