"""A worker as a process: jobs in, events out, against the toy and its expert."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon, chunk_for, toy_capabilities
from uio2_client import uio2_pb2 as pb

from uio2_envs.jobs import Job
from uio2_envs.motion import MotionMeter

ENVS = Path(__file__).resolve().parents[1]


def run(jobs: list[object], *arguments: str) -> tuple[int, list[dict], str]:
    """Exit code, events, and what people read."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ENVS), str(ENVS / "client")])}
    done = subprocess.run(
        [sys.executable, "-m", "uio2_envs.worker", *(arguments or ("toy", "--expert"))],
        input="".join((job if isinstance(job, str) else json.dumps(job)) + "\n" for job in jobs),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_jobs_are_run_in_their_order_and_a_job_depends_on_its_seed_alone() -> None:
    jobs = [
        {"id": 5, "task": "reach-red", "seed": 3},
        {"id": 6, "task": "reach-green", "seed": 3},
        {"id": 7, "task": "reach-red", "seed": 4},
        {"id": 8, "task": "reach-red", "seed": 3},
    ]
    code, events, people = run(jobs)
    assert code == 0, people
    assert events[0]["event"] == "ready" and events[0]["policy"] == "expert"
    ends = [event for event in events if event["event"] == "episode_end"]
    assert [end["id"] for end in ends] == [5, 6, 7, 8]
    assert all(end["success"] and end["success_at_end"] and end["steps"] == end["steps_to_success"] for end in ends)
    unlike = {"id", "wall_s", "peak_memory_mib"}
    first, last = ({key: value for key, value in end.items() if key not in unlike} for end in (ends[0], ends[3]))
    assert first == last and first["path_length"] > 0.1 and first["mean_jerk"] is not None
    steps = [event for event in events if event["event"] == "step" and event["id"] == 5]
    assert len(steps) == ends[0]["steps"] and len(steps[0]["commands"][0]) == 2
    # The reward of the toy is how near the point is.
    assert [step["reward"] for step in steps] == sorted(step["reward"] for step in steps)
    assert -0.06 < steps[-1]["reward"] < 0
    assert events[1]["goal_protocol"] == "fresh" and events[1]["step_limit"] == 100


def test_a_worker_says_what_it_is_given_to_say(tmp_path: Path) -> None:
    hears = pb.AudioSpecification(name="instruction", maximum_duration=4, replaces_instruction=True)
    daemon = FakeDaemon(
        lambda index, seen: chunk_for(seen, [[0.0, 0.0]] * 4), capabilities=toy_capabilities(audio=hears)
    )
    said = tmp_path / "said.wav"
    said.write_bytes(b"RIFF....WAVE1234")
    job = {"id": 0, "task": "reach-red", "seed": 3, "step_limit": 8}
    with daemon:
        code, events, people = run([job], "toy", "--connect", daemon.address, "--speech", str(said))
        assert code == 0 and events[-1]["event"] == "episode_end", people
        assert {(seen.instruction, seen.audio.data) for seen in daemon.observations} == {("", said.read_bytes())}
        code, events, people = run([job], "toy", "--connect", daemon.address, "--speech", str(tmp_path / "missing.wav"))
        assert code == 5 and events[-1]["code"] == "no_speech", people
        # A suite's row names recordings that lie beside the suites.
        row = {**job, "options": {"speech": "nobody"}}
        code, events, people = run([row], "toy", "--connect", daemon.address)
        assert code == 5 and events[-1]["code"] == "no_speech" and "voices/nobody" in events[-1]["subject"], people
    code, events, people = run([{**job, "options": {"speech": "../voices"}}])
    assert code != 0 and "speech" in people


def test_an_episode_may_go_on_after_its_first_success() -> None:
    code, events, people = run([{"id": 0, "task": "reach-red", "seed": 3, "stops_at_success": False, "step_limit": 60}])
    assert code == 0, people
    end = events[-1]
    assert end["steps"] == 60 and end["success"] and end["success_at_end"] and end["steps_to_success"] < 60


def test_a_failure_of_one_episode_names_it_and_ends_the_worker() -> None:
    code, events, people = run([{"id": 9, "task": "reach-blue", "seed": 0}, {"id": 10, "task": "reach-red", "seed": 0}])
    assert code == 5 and "reach-blue" in people
    assert [event["event"] for event in events] == ["episode_failed"], "nothing is begun for a task that there is not"
    assert events[-1]["event"] == "episode_failed" and events[-1]["id"] == 9
    assert events[-1]["code"] == "unknown_task"


@pytest.mark.parametrize(
    ("required", "code", "subject"),
    [
        ({"task": "reach-blue"}, "unknown_task", "reach-blue"),
        ({"task": "reach-red", "options": {"view": "moon"}}, "unknown_view", "moon"),
        ({"task": "reach-red", "options": {"instruction_from": "reach-blue"}}, "unknown_task", "reach-blue"),
    ],
)
def test_a_task_of_a_later_episode_is_refused_before_the_first_one(required, code, subject) -> None:
    exit_code, events, _ = run([{"id": 0, "task": "reach-red", "seed": 0}], "toy", "--expert", "--require", json.dumps(required))
    assert exit_code == 5 and [event["event"] for event in events] == ["episode_failed"]
    assert (events[0]["code"], events[0]["subject"]) == (code, subject)
    good = json.dumps({"task": "reach-green"})
    assert run([{"id": 0, "task": "reach-red", "seed": 0}], "toy", "--expert", "--require", good)[0] == 0
    assert run([], "toy", "--expert", "--require", "[]")[0] == 2


def test_options_are_of_one_job_alone() -> None:
    plain = {"task": "reach-red", "seed": 3}
    noisy = {**plain, "options": {"perturbation": "actuation_noise", "severity": 4}}
    code, events, people = run([{"id": 0, **plain}, {"id": 1, **noisy}, {"id": 2, **plain}, {"id": 3, **noisy}])
    assert code == 0, people
    paths = [event["path_length"] for event in events if event["event"] == "episode_end"]
    assert paths[0] == paths[2] != paths[1] == paths[3]
    code, events, _ = run([{"id": 4, **plain, "options": {"perturbation": "light", "severity": 1}}])
    assert code == 5 and events[-1]["code"] == "unsupported_perturbation" and events[-1]["id"] == 4


def test_real_time_by_the_clock_of_the_machine() -> None:
    job = {"id": 0, "task": "reach-red", "seed": 3}
    code, events, people = run([job], "toy", "--expert", "--mode", "realtime", "--added-delay", "40")
    assert code == 0, people
    end, steps = events[-1], [event for event in events if event["event"] == "step"]
    assert end["success"] and end["held_steps"] >= end["policy_steps"] - 1
    assert min(step["latency_ms"]["takeover"] for step in steps) >= 40
    assert end["wall_s"] >= 0.02 * end["steps"] * 0.9
    assert run([job], "toy", "--expert", "--added-delay", "40")[0] == 2


def test_real_time_by_the_clock_of_the_simulator_is_the_same_every_time() -> None:
    job = {"id": 0, "task": "reach-red", "seed": 3}
    arguments = ("toy", "--expert", "--mode", "realtime", "--clock", "simulated", "--added-delay", "40")
    ends = []
    for _ in range(2):
        code, events, people = run([job], *arguments)
        assert code == 0, people
        ends.append({name: value for name, value in events[-1].items() if name not in ("wall_s", "peak_memory_mib")})
        takeovers = [event["latency_ms"]["takeover"] for event in events if event["event"] == "step"]
        assert takeovers == [40.0] * len(takeovers) and takeovers
    assert ends[0] == ends[1] and ends[0]["success"] and ends[0]["late_steps"] == 0
    # An expert says one action at a time, and an answer takes two control steps.
    assert ends[0]["held_steps"] == 2 * ends[0]["policy_steps"]


@pytest.mark.parametrize("line", ["", "7", "{}", '{"id": 1}', '{"id": true, "task": "a", "seed": 0}', '{"id": 1, "x": 2}'])
def test_a_line_that_is_no_job_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        Job.parse(line)
    code, events, _ = run([line])
    assert code == 5 and events[-1]["event"] == "failed"


def test_motion_of_a_circle() -> None:
    import math

    rate, radius, turns = 100.0, 0.2, 200
    meter = MotionMeter(rate)
    for step in range(turns + 1):
        angle = 2 * math.pi * step / turns
        meter.add({"end_effector_x": radius * math.cos(angle), "end_effector_y": radius * math.sin(angle), "end_effector_z": 0.1})
    speed = 2 * math.pi * rate / turns
    assert meter.path_length == pytest.approx(2 * math.pi * radius, rel=1e-3)
    assert meter.mean_jerk == pytest.approx(radius * speed**3, rel=1e-2)
    assert MotionMeter(rate).path_length is None and MotionMeter(rate).mean_jerk is None
