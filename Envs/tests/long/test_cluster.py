"""An evaluation on a local Ray cluster of two nodes, one of which is killed, with the real ``uio2`` and the toy suite.

Run by ``make check-long`` with the Python of .venv-ray; the simulators are those of .venv.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from uio2_envs import ray as shards
from uio2_envs.ray import Plan

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from test_ray import program, started  # noqa: E402, F401 (a fixture)

TOOL = Path(__file__).resolve().parents[3] / ".build" / "release" / "uio2"
# In real time, so that a shard takes seconds.
ARGUMENTS = ("--policy", "expert", "--episodes", "20", "--mode", "realtime", "--video")
EPISODES = 40


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the nodes put the folders of shards that run. Its path is short, because Ray puts sockets there as well."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
def two_nodes(temporary: Path) -> Iterator[tuple[Cluster, object]]:
    """A cluster that this program is connected to, and the node that may be killed."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        # Connected while there is one node: this program must not be connected to the node that is lost.
        ray.init(address=cluster.address, log_to_driver=False)
        lost = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        yield cluster, lost
    finally:
        ray.shutdown()
        cluster.shutdown()


def outcomes(database: Path) -> list[tuple[str, int, int]]:
    """Task, seed and success of every settled episode."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT task, seed, success_at_any_step FROM episode WHERE state <> 'lost'")
        return sorted(rows.fetchall())


def recorded(database: Path) -> int:
    """How many episodes a run that is being written has."""
    try:
        return len(outcomes(database))
    except sqlite3.OperationalError:
        return 0


def test_a_killed_node_costs_its_shard_one_attempt(
    two_nodes: tuple[Cluster, object], temporary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shard runs again on the other node, and no episode is lost or repeated."""
    cluster, lost = two_nodes
    run, failures = tmp_path / "merged", []

    def work() -> None:
        try:
            shards.evaluate(Plan("toy", 2, str(TOOL), ARGUMENTS), run)
        except BaseException as error:  # told of below
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 120
    while sum(recorded(database) > 0 for database in temporary.glob("uio2-shard-*/run/run.db")) < 2:
        assert time.monotonic() < deadline and thread.is_alive(), failures
        time.sleep(0.05)
    cluster.remove_node(lost, allow_graceful=False)
    thread.join(timeout=240)
    assert not thread.is_alive() and not failures, failures

    said = capsys.readouterr().err
    assert said.count("attempt 2 of 3") == 1 and "attempt 3" not in said
    assert not shards.shards_of(run).exists()
    plain = tmp_path / "plain"
    subprocess.run([TOOL, "evaluate", "toy", *ARGUMENTS[:4], "--run", plain], check=True, capture_output=True)
    assert outcomes(run / "run.db") == outcomes(plain / "run.db") and len(outcomes(run / "run.db")) == EPISODES
    assert len(list((run / "videos").glob("*.mp4"))) == EPISODES


def test_a_failed_shard_is_run_again_and_finished_ones_are_kept(program: Path, tmp_path: Path) -> None:  # noqa: F811
    run = tmp_path / "merged"
    command = ["toy", "--run", str(run), "--shards", "3", "--program", str(program)]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        assert shards.main([*command, "--attempts", "1", "--", "--fail", "once"]) == 1
        assert not run.exists()
        kept = [shard for shard in (1, 3) if (run.with_name("merged.shards") / str(shard)).is_dir()]
        assert shards.main([*command, "--", "--fail", "once"]) == 0
        assert (run / "run.json").read_text() == str(list(range(12)))
        assert started(program, 2) == 2 and all(started(program, shard) == 1 for shard in kept)
        before = started(program, 1), started(program, 2)
        assert shards.main(["toy", "--run", str(tmp_path / "other"), "--program", str(program), "--", "--usage", "65"]) == 1
        # What stays as it is, is not tried again.
        assert started(program, 1) + started(program, 2) - sum(before) <= 2
    finally:
        ray.shutdown()
