"""Simulators at fault, each an adapter of another package: what a worker makes of them is never an outcome of the policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon, chunk_for, toy_capabilities
from uio2_client import Disconnected, Timeout

from uio2_envs.environment import EnvironmentFailure
from uio2_envs.patience import Patience, RobotFailure, Setbacks
from uio2_envs.toy import ToyEnvironment

ENVS = Path(__file__).resolve().parents[1]
JOB = {"id": 0, "task": "reach-red", "seed": 3}

ADAPTER = """
from uio2_envs import toy
from uio2_envs.toy import *
class Faulty(toy.ToyEnvironment):
    {body}
def make(task): return Faulty(task)
"""


def work(folder: Path, body: str, *arguments: str, jobs: tuple[dict, ...] = (JOB,), prefix: str = "") -> tuple[int, list[dict], str]:
    """Exit code, events and what people read of a worker whose simulator has ``body``."""
    (folder / "faulty.py").write_text(ADAPTER.format(body=body))
    (folder / "faulty-1.dist-info").mkdir(exist_ok=True)
    (folder / "faulty-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n")
    (folder / "faulty-1.dist-info" / "entry_points.txt").write_text("[uio2_envs.adapters]\nfaulty = faulty\n")
    paths = [str(ENVS), str(ENVS / "client"), str(folder)]
    command = [sys.executable, "-m", "uio2_envs.worker", "faulty", *(arguments or ("--expert",))]
    if prefix:
        command = [sys.executable, "-c", prefix, *command]
    done = subprocess.run(
        command,
        input="".join(json.dumps(job) + "\n" for job in jobs),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("verdict", ["float('nan')", "'False'", "1.0", "None"])
def test_a_verdict_that_is_none_is_no_success(tmp_path: Path, verdict: str) -> None:
    code, events, people = work(tmp_path, f"def _step(self, action): super()._step(action); return {verdict}")
    assert code == 5, people
    assert (events[-1]["event"], events[-1]["code"]) == ("episode_failed", "invalid_verdict")
    assert not any(event["event"] == "episode_end" for event in events)


def test_numpy_has_a_true_and_a_false_of_its_own() -> None:
    class Judged(ToyEnvironment):
        def _step(self, action: np.ndarray) -> bool:
            return np.bool_(super()._step(action))

    environment = Judged("reach-red")
    environment.reset(0)
    assert environment.step(np.zeros(2)).success is False


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')"])
def test_what_the_simulator_measures_is_finite_or_its_fault(tmp_path: Path, value: str) -> None:
    """With a policy too, which is not asked about it: the daemon would refuse it, and the run would end."""
    body = f"def _observe(self): return super()._observe() | ({{'position_x': {value}}} if self.steps > 5 else {{}})"
    with FakeDaemon(lambda index, seen: chunk_for(seen, [[0.0, 0.0]] * 4)) as daemon:
        code, events, people = work(tmp_path, body, "--connect", daemon.address, "--encoding", "png")
        assert all(np.isfinite(seen.proprioception).all() for seen in daemon.observations) and daemon.observations
    assert code == 5, people
    assert [events[-1][key] for key in ("event", "code", "subject")] == ["episode_failed", "invalid_observation", "position_x"]


@pytest.mark.parametrize("status", [2, 3, 4])
def test_a_simulator_that_asks_for_the_end_of_the_process_is_at_fault(tmp_path: Path, status: int) -> None:
    code, events, _ = work(tmp_path, f"def _step(self, action): import sys; sys.exit({status})")
    assert code == 5 and events[-1]["event"] == "episode_failed"
    assert events[-1]["message"] == f"SystemExit: {status}"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the count is the system's")
def test_the_memory_of_the_process_that_started_a_worker_is_not_its_own(tmp_path: Path) -> None:
    large = "import subprocess, sys; memory = b'x' * (600 << 20); sys.exit(subprocess.run(sys.argv[1:]).returncode)"
    code, events, people = work(tmp_path, "pass", prefix=large)
    assert code == 0, people
    assert 10 < events[-1]["peak_memory_mib"] < 500


def test_a_sentence_that_the_policy_does_not_know_is_refused_before_the_first_episode(tmp_path: Path) -> None:
    capabilities = toy_capabilities(instructions=["Move the white point onto the red disc."])
    require = ["--require", json.dumps({"task": "reach-green"})]
    with FakeDaemon(lambda index, seen: chunk_for(seen, [[0.0, 0.0]] * 4), capabilities) as daemon:
        code, events, _ = work(tmp_path, "pass", "--connect", daemon.address, *require)
        assert daemon.observations == []
        assert code == 3 and [event["event"] for event in events] == ["episode_failed"]
        assert events[0]["code"] == "unknown_instruction" and events[0]["subject"] == "Move the white point onto the green disc."
        assert work(tmp_path, "pass", "--connect", daemon.address, "--encoding", "png")[0] == 0


def test_a_perturbation_that_no_task_can_have_is_refused_before_the_first_episode(tmp_path: Path) -> None:
    def require(kind: str) -> list[str]:
        return ["--expert", "--require", json.dumps({"task": "reach-red", "options": {"perturbation": kind, "severity": 1}})]

    code, events, _ = work(tmp_path, "pass", *require("texture"))
    assert code == 5 and [event["event"] for event in events] == ["episode_failed"]
    assert (events[0]["code"], events[0]["subject"]) == ("unsupported_perturbation", "texture")
    assert "moved_object" in events[0]["message"]
    for kind in ("moved_object", "jpeg"):
        assert work(tmp_path, "pass", *require(kind))[0] == 0


def test_ready_says_how_the_policy_computes(tmp_path: Path) -> None:
    capabilities = toy_capabilities(weights="int8", activations="int16")
    with FakeDaemon(lambda index, seen: chunk_for(seen, [[0.0, 0.0]] * 4), capabilities) as daemon:
        _, events, _ = work(tmp_path, "pass", "--connect", daemon.address, "--encoding", "png")
    assert (events[0]["weights"], events[0]["activations"]) == ("int8", "int16")
    assert work(tmp_path, "pass")[1][0]["weights"] == ""


def test_a_daemon_that_is_gone_is_not_waited_for_five_times_as_long() -> None:
    setbacks = Setbacks(Patience(disconnected_seconds=0.0), lambda message: None, lambda seconds: None)
    gone = Disconnected("tcp://x", "no daemon answers at this address")
    assert setbacks.note(gone)
    assert setbacks.note(Timeout("tcp://x", 0.1)), "it was there again"
    assert setbacks.note(gone)
    with pytest.raises(RobotFailure) as caught:
        setbacks.note(gone)
    assert caught.value.code == "disconnected"


def test_an_observation_is_refused_by_name() -> None:
    class Blind(ToyEnvironment):
        def _observe(self) -> dict[str, float]:
            return {"position_x": 0.0, "position_y": float("-inf")}

    environment = Blind("reach-red")
    environment.reset(0)
    with pytest.raises(EnvironmentFailure) as caught:
        environment.observe()
    assert (caught.value.code, caught.value.subject) == ("invalid_observation", "position_y")
