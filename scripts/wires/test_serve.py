"""Meta-World episodes of the clients as their authors publish them, against `uio2 serve`.

    make check-wires
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
import worlds
import yaml
from openpi_client import action_chunk_broker, websocket_client_policy
from openpi_client.runtime import runtime
from openpi_client.runtime.agents import policy_agent

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
UIO2 = pathlib.Path(os.environ.get("UIO2") or REPOSITORY / ".build/release/uio2")
# Episodes that the shipped policy wins by any wire.
TASK, CHUNK = "drawer-close-v3", 4

pytestmark = pytest.mark.skipif(
    not UIO2.exists() or not pathlib.Path(worlds.PYTHON).exists(), reason="needs uio2 and the simulator: make build"
)


# A simulator's world stands still while the policy works, and the broker asks when it has ended with a chunk: openpi can say neither.
SIMULATOR = {"clock": "simulated", "chunks": "finished"}


@contextlib.contextmanager
def daemon(folder, openpi=SIMULATOR, record=None):
    """`uio2 serve` with all wires on free ports; yields what is where, by scheme."""
    wires = {
        "listen": [
            {"address": "openpi://127.0.0.1:*"} | openpi,
            {"address": "vla-eval://127.0.0.1:*"},
            {"address": "http://127.0.0.1:*"},
            {"address": "tcp://127.0.0.1:*"},
        ]
    }
    file = folder / "wires.json"
    file.write_text(json.dumps(wires))
    command = [UIO2, "serve", "--policy", "Policies/metaworld-mt5", "--listen-file", file]
    command += ["--record", record] if record else []
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        try:
            places, log = {}, ""
            while len(places) < 4:
                line = process.stderr.readline()
                assert line, log
                log += line
                places.update({scheme: place for scheme, place in re.findall(r"(openpi|vla-eval|http|tcp)://([0-9.]+:\d+)", line)})
            yield places
        finally:
            process.terminate()
            process.stderr.read()
            assert process.wait(60) == 0


def get(place, path):
    with urllib.request.urlopen(f"http://{place}{path}", timeout=60) as answer:
        return answer.status, answer.read().decode()


def count(page, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", page, re.M).group(1))


# The last is a wire that nobody has said anything about.
@pytest.mark.parametrize("wire", [SIMULATOR, {"clock": "simulated"}, {}], ids=["finished", "overlapping", "default"])
def test_openpi_client_flies_an_episode_and_the_pages_tell_of_it(tmp_path, wire):
    with daemon(tmp_path, wire) as places:
        host, port = places["openpi"].split(":")
        # Its constructor waits for the metadata, which come when the policy is warm.
        client = websocket_client_policy.WebsocketClientPolicy(host, int(port))
        metadata = client.get_server_metadata()
        assert metadata["policy"] == "metaworld-mt5" and metadata["action_horizon"] == CHUNK
        assert get(places["http"], "/healthz") == (200, "OK\n")
        assert get(places["http"], "/readyz") == (200, "ready\n")
        body = worlds.Body(TASK)
        room = worlds.Room(body)
        broker = action_chunk_broker.ActionChunkBroker(client, action_horizon=CHUNK)
        runtime.Runtime(room, policy_agent.PolicyAgent(broker), [], num_episodes=1).run()
        body.close()
        [(success, steps)] = room.episodes
        assert success, steps
        _, page = get(places["http"], "/metrics")
        chunks = count(page, 'uio2_requests_total{outcome="acted",wire="openpi"}')
        assert chunks == -(-steps // CHUNK)
        assert count(page, 'uio2_answer_seconds_count{wire="openpi"}') == chunks
        assert count(page, "uio2_ready") == 1
        (tmp_path / "metrics.txt").write_text(page)
    promtool = REPOSITORY / ".build/promtool/usr/bin/promtool"
    if promtool.exists():
        subprocess.run([promtool, "check", "metrics"], input=page, text=True, check=True)


# The drawer, and a task of which the policy loses some.
@pytest.mark.parametrize("task", [TASK, "push-v3"])
def test_openpi_client_has_the_outcomes_of_a_rollout_step_for_step(tmp_path, task):
    seeds, first, recording = 3, 100, tmp_path / "serve.mcap"
    python_path = {"PYTHONPATH": f"{REPOSITORY / 'Envs'}:{REPOSITORY / 'Envs/client'}"}
    with daemon(tmp_path, record=recording) as places:
        host, port = places["openpi"].split(":")
        client = websocket_client_policy.WebsocketClientPolicy(host, int(port))
        body = worlds.Body(task)
        room = worlds.Room(body, seed=first)
        broker = action_chunk_broker.ActionChunkBroker(client, action_horizon=CHUNK)
        runtime.Runtime(room, policy_agent.PolicyAgent(broker), [], num_episodes=seeds).run()
        body.close()
        # The robot that `uio2 rollout` starts, with raw pictures as openpi's client has them.
        robot = [worlds.PYTHON, "-m", "uio2_envs", "metaworld", "--task", task, "--connect", f"tcp://{places['tcp']}"]
        robot += ["--episodes", str(seeds), "--seed", str(first), "--encoding", "rgb8", "--clock", "simulated"]
        robot += ["--session", "lockstep"]
        subprocess.run(robot, cwd=REPOSITORY, check=True, capture_output=True, timeout=600, env=os.environ | python_path)
    told = subprocess.run(
        [worlds.PYTHON, FOLDER / "commands.py", recording, "lockstep"], capture_output=True, text=True, check=True,
        env=os.environ | python_path,
    )
    for ours, theirs in zip(room.commands, json.loads(told.stdout), strict=True):
        # Of the last chunk only what was executed; openpi's numbers are single.
        assert 0 <= len(theirs) - len(ours) < CHUNK
        np.testing.assert_array_equal(np.float32(ours), np.float32(theirs[: len(ours)]))
    report = tmp_path / "rollout.json"
    command = [UIO2, "rollout", "--env", f"metaworld:{task}", "--episodes", str(seeds), "--seed", str(first)]
    command += ["--policy", "Policies/metaworld-mt5", "--json", report]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, timeout=600)
    # Its pictures are JPEG files, so that steps may differ.
    flown = [episode["success"] for episode in json.loads(report.read_text())["episodes"]]
    assert [success for success, _ in room.episodes] == flown


@pytest.mark.parametrize("mode", [{}, {"mode": "live", "hz": 10}], ids=["waiting", "live"])
def test_vla_eval_run_completes_an_episode(tmp_path, mode):
    with daemon(tmp_path) as places:
        config = {
            "server": {"url": f"ws://{places['vla-eval']}", "timeout": 60},
            "output_dir": str(tmp_path / "results"),
            "benchmarks": [
                {"benchmark": "worlds:MetaWorld", "params": {"task": TASK}, "episodes_per_task": 1, "max_steps": 300} | mode
            ],
        }
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(config))
        program = pathlib.Path(sys.executable).parent / "vla-eval"
        outcome = subprocess.run(
            [program, "run", "--config", file, "--no-docker", "--yes"],
            env={**os.environ, "PYTHONPATH": str(FOLDER)}, capture_output=True, text=True, timeout=600,
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        assert "mismatch" not in (outcome.stdout + outcome.stderr).lower()
    results = [json.loads(path.read_text()) for path in (tmp_path / "results").rglob("*.json")]
    [result] = [result for result in results if "tasks" in result]
    [task] = result["tasks"]
    [episode] = task["episodes"]
    assert episode["metrics"]["success"] is True
    if mode:
        # Nobody waits: some ticks may hold, but most have an action of their own.
        stale = re.search(r"stale=(\d+)%", outcome.stdout + outcome.stderr)
        assert stale and int(stale[1]) < 50, outcome.stdout + outcome.stderr
