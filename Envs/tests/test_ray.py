"""Shards as processes, with a stand-in for the program ``uio2``; long/test_cluster.py has the tasks of a real cluster."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from uio2_envs import ray as shards
from uio2_envs.ray import Plan, PlanMismatch, ShardFailure

STAND_IN = """#!{python}
import json, os, shutil, sys, time
words = sys.argv[1:]
state = {state!r}
if words[0] == "evaluate":
    option = dict(zip(words[2::2], words[3::2]))
    index, count = map(int, option["--shard"].split("/"))
    with open(os.path.join(state, f"started-{{index}}-{{os.getpid()}}"), "w") as file:
        file.write(os.environ.get("RAY_NODE_LABEL", ""))
    if option.get("--fail") == "always" or option.get("--fail") == "once" and index == 2 and \\
            len([n for n in os.listdir(state) if n.startswith("started-2-")]) == 1:
        print("the daemon is gone", file=sys.stderr)
        sys.exit(69)
    if option.get("--usage"):
        print("unknown option", file=sys.stderr)
        sys.exit(int(option["--usage"]))
    if option.get("--wait"):
        while not os.path.exists(option["--wait"]):
            time.sleep(0.05)
    os.makedirs(os.path.join(option["--run"], "videos"))
    with open(os.path.join(option["--run"], "videos", option.get("--film", f"push-seed{{index}}") + ".mp4"), "w") as file:
        file.write(str(index))
    with open(os.path.join(option["--run"], "run.json"), "w") as file:
        json.dump([episode for episode in range(12) if episode % count == index - 1], file)
else:
    assert words[:2] == ["runs", "merge"] and words[-2] == "--output", words
    episodes = [episode for folder in words[2:-2] for episode in json.load(open(os.path.join(folder, "run.json")))]
    assert len(set(episodes)) == len(episodes), "an episode twice"
    os.makedirs(words[-1])
    for folder in words[2:-2]:
        for name in os.listdir(os.path.join(folder, "videos")):
            target = os.path.join(words[-1], "videos", name)
            if os.path.exists(target):
                sys.exit(74)
            shutil.copytree(os.path.join(folder, "videos"), os.path.dirname(target), dirs_exist_ok=True)
    json.dump(sorted(episodes), open(os.path.join(words[-1], "run.json"), "w"))
"""


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
    [
        (("--fail", "always"), False, "69: the daemon is gone"),
        *[(("--usage", code), True, f"{code}: unknown option") for code in ("64", "65", "70")],
        *[(("--usage", code), False, f"{code}: unknown option") for code in ("1", "74", "137")],
    ],
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


def finish_shards(plan: Plan, folder: Path) -> None:
    """Runs all shards where a cluster would put them."""
    shards._claim(folder, plan)
    for shard in range(1, plan.shards + 1):
        shards.unpack(shards.run_shard(plan, shard), folder / str(shard))


def test_shards_of_another_evaluation_are_not_gone_on_with(program: Path, tmp_path: Path) -> None:
    suite = tmp_path / "mine.yaml"
    suite.write_text("name: mine")
    plan = Plan(str(suite), 2, str(program), ("--policy", "a"))
    finish_shards(plan, tmp_path / "run.shards")
    shards._claim(tmp_path / "run.shards", plan)
    others = [Plan("toy", 2, str(program), plan.arguments), Plan(str(suite), 3, str(program), plan.arguments),
              Plan(str(suite), 2, str(program), ("--policy", "b"))]  # fmt: skip
    for other in others:
        with pytest.raises(PlanMismatch, match="another evaluation"):
            shards._claim(tmp_path / "run.shards", other)
    suite.write_text("name: mine # changed")
    with pytest.raises(PlanMismatch, match="remove that folder"):
        shards._claim(tmp_path / "run.shards", plan)
    (tmp_path / "old.shards" / "1").mkdir(parents=True)
    with pytest.raises(PlanMismatch, match="does not say"):
        shards._claim(tmp_path / "old.shards", plan)


def test_the_merged_run_has_the_films_of_all_shards(program: Path, tmp_path: Path) -> None:
    plan = Plan("toy", 3, str(program))
    finish_shards(plan, tmp_path / "run.shards")
    shards.merge(plan, tmp_path / "run.shards", tmp_path / "run")
    assert sorted(film.name for film in (tmp_path / "run" / "videos").iterdir()) == [f"push-seed{n}.mp4" for n in (1, 2, 3)]
    assert (tmp_path / "run" / "run.json").read_text() == str(list(range(12)))


def test_a_merge_that_fails_leaves_no_run_and_keeps_the_shards(program: Path, tmp_path: Path) -> None:
    plan = Plan("toy", 2, str(program), ("--film", "the-same"))
    finish_shards(plan, tmp_path / "run.shards")
    with pytest.raises(subprocess.CalledProcessError):
        shards.merge(plan, tmp_path / "run.shards", tmp_path / "run")
    assert not (tmp_path / "run").exists() and (tmp_path / "run.shards" / "2" / "run.json").exists()


def test_usage(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shards.main(["toy", "--run", str(tmp_path), "--program", str(program)]) == 2
    assert "exists" in capsys.readouterr().err
    assert shards.main(["toy", "--run", str(tmp_path / "new"), "--program", "no-such-uio2"]) == 2
    assert "PATH" in capsys.readouterr().err
    if find_spec("ray") is None:
        assert shards.main(["toy", "--run", str(tmp_path / "new"), "--program", str(program)]) == 2
        assert "uio2-envs[ray]" in capsys.readouterr().err
