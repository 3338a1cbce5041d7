"""Shards as processes and as tasks of a Ray cluster, with a stand-in for the program ``uio2``."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from uio2_envs import ray as shards
from uio2_envs.ray import Plan, ShardFailure

STAND_IN = """#!{python}
import json, os, sys, time
words = sys.argv[1:]
state = {state!r}
if words[0] == "evaluate":
    option = dict(zip(words[2::2], words[3::2]))
    index, count = map(int, option["--shard"].split("/"))
    with open(os.path.join(state, f"started-{{index}}-{{os.getpid()}}"), "w") as file:
        file.write(os.environ.get("RAY_NODE_LABEL", ""))
    if option.get("--fail") == "always" or option.get("--fail") == "once" and index == 2 and \\
            len([n for n in os.listdir(state) if n.startswith("started-2-")]) == 1:
        sys.exit("the daemon is gone")
    if option.get("--usage"):
        print("unknown option", file=sys.stderr)
        sys.exit(64)
    if option.get("--wait"):
        while not os.path.exists(option["--wait"]):
            time.sleep(0.05)
    os.makedirs(os.path.join(option["--run"], "videos"))
    with open(os.path.join(option["--run"], "run.json"), "w") as file:
        json.dump([episode for episode in range(12) if episode % count == index - 1], file)
else:
    assert words[:2] == ["runs", "merge"] and words[-2] == "--output", words
    episodes = [episode for folder in words[2:-2] for episode in json.load(open(os.path.join(folder, "run.json")))]
    assert len(set(episodes)) == len(episodes), "an episode twice"
    os.makedirs(words[-1])
    json.dump(sorted(episodes), open(os.path.join(words[-1], "run.json"), "w"))
"""

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None or not os.environ.get("UIO2_CHECK_LONG"),
    reason="a long check: UIO2_CHECK_LONG=1 in an environment with Ray (pip install 'Envs[ray]')",
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The stand-in; what was started is written down in the folder ``state`` beside it."""
    (tmp_path / "state").mkdir()
    path = tmp_path / "uio2"
    path.write_text(STAND_IN.format(python=sys.executable, state=str(tmp_path / "state")))
    path.chmod(0o755)
    return path


def started(program: Path, shard: int) -> int:
    return len(list((program.parent / "state").glob(f"started-{shard}-*")))


def test_a_shard_returns_the_files_of_its_run(program: Path, tmp_path: Path) -> None:
    plan = Plan("toy", 3, str(program))
    shards.unpack(shards.run_shard(plan, 2), tmp_path / "out")
    assert (tmp_path / "out" / "run.json").read_text() == "[1, 4, 7, 10]" and (tmp_path / "out" / "videos").is_dir()
    assert plan.command(2, Path("f")) == [str(program), "evaluate", "toy", "--shard", "2/3", "--run", "f"]


@pytest.mark.parametrize(
    ("arguments", "is_final", "words"),
    [(("--fail", "always"), False, "the daemon is gone"), (("--usage", "x"), True, "64: unknown option")],
)
def test_a_shard_that_fails_says_why(program: Path, arguments: tuple[str, ...], is_final: bool, words: str) -> None:
    with pytest.raises(ShardFailure, match=f"shard 1/2: .*{words}") as caught:
        shards.run_shard(Plan("toy", 2, str(program), arguments), 1)
    assert caught.value.is_final == is_final
    with pytest.raises(ShardFailure, match="cannot start") as caught:
        shards.run_shard(Plan("toy", 2, str(program) + "-not"), 1)
    assert caught.value.is_final


def test_files_of_a_run_stay_in_its_folder(tmp_path: Path) -> None:
    import io
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    with pytest.raises(tarfile.TarError):
        shards.unpack(packed.getvalue(), tmp_path / "in")
    assert not (tmp_path / "outside").exists()


def test_usage(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shards.main(["toy", "--run", str(tmp_path), "--program", str(program)]) == 2
    assert "exists" in capsys.readouterr().err
    assert shards.main(["toy", "--run", str(tmp_path / "new"), "--program", "no-such-uio2"]) == 2
    assert "PATH" in capsys.readouterr().err
    if find_spec("ray") is None:
        assert shards.main(["toy", "--run", str(tmp_path / "new"), "--program", str(program)]) == 2
        assert "uio2-envs[ray]" in capsys.readouterr().err


@needs_ray
def test_a_killed_node_costs_its_shards_one_attempt(program: Path, tmp_path: Path) -> None:
    """Two nodes; one is killed while its shards run. They run again on the other, and no episode is lost or repeated."""
    import threading

    import ray
    from ray.cluster_utils import Cluster

    envs = Path(__file__).resolve().parents[1]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(envs), str(envs / "client")])
    gate, run = tmp_path / "gate", tmp_path / "merged"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    # Connected while there is one node: this program must not be connected to the node that is lost.
    ray.init(address=cluster.address, log_to_driver=False)
    lost = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            shards.evaluate(Plan("toy", 2, str(program), ("--wait", str(gate))), run)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    try:
        thread.start()
        deadline = time.monotonic() + 120
        while not (started(program, 1) and started(program, 2)):
            assert time.monotonic() < deadline and thread.is_alive(), failures
            time.sleep(0.05)
        cluster.remove_node(lost, allow_graceful=False)
        gate.touch()
        thread.join(timeout=180)
        assert not thread.is_alive() and not failures, failures
    finally:
        gate.touch()
        ray.shutdown()
        cluster.shutdown()
    assert (run / "run.json").read_text() == str(list(range(12)))
    assert sorted((started(program, 1), started(program, 2))) == [1, 2]
    assert not run.with_name("merged.shards").exists()


@needs_ray
def test_a_failed_shard_is_run_again_and_finished_ones_are_kept(program: Path, tmp_path: Path) -> None:
    envs = Path(__file__).resolve().parents[1]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(envs), str(envs / "client")])
    import ray

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
        assert shards.main(["toy", "--run", str(tmp_path / "other"), "--program", str(program), "--", "--usage", "x"]) == 1
    finally:
        ray.shutdown()
