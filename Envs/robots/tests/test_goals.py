"""Five balls, asked for in words one after the other."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from uio2_robots import goals, reach
from uio2_robots.__main__ import main
from uio2_robots.configuration import CONFIGURATIONS, load
from uio2_robots.drivers import Franka
from uio2_robots.faults.rig import RobotProcess
from uio2_robots.reach import table
from uio2_robots.shared import JOINTS, Trace


class Told:
    """Keeps what a run is told."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def instruct(self, text: str) -> None:
        self.sentences.append(text)


def test_the_next_sentence_is_said_where_a_ball_is_reached(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "trace", writes=True)
    trace.goals = places = goals.scattered(np.random.default_rng(1))
    told, said = Told(), []
    arm = Franka(load(CONFIGURATIONS / "franka-goals.toml"), tmp_path, 15.0, False, ["green", "blue"], said.append)
    arm.attend(told)
    colours = list(goals.COLOURS)

    def at(colour: str) -> bool:
        trace.append(2.5, places[colours.index(colour)] + [0.0, 0.0, 0.015], np.zeros(JOINTS))
        return arm.is_done()

    # The ball that was not asked for counts for nothing.
    assert not at("blue") and told.sentences == []
    assert not at("green") and told.sentences == ["Move the gripper to the blue ball."]
    assert not at("green")
    assert at("blue") and len(told.sentences) == 1
    assert [line.split()[2] for line in said] == ["green", "blue"]


def test_balls_lie_inside_the_workspace_and_apart() -> None:
    workspace = load(CONFIGURATIONS / "franka-goals.toml").limits.workspace
    for seed in range(50):
        places = goals.scattered(np.random.default_rng(seed))
        assert (places > workspace[0] + 0.05).all() and (places < workspace[1] - 0.05).all()
        away = np.linalg.norm(places[:, None] - places[None], axis=-1)
        assert away[~np.eye(len(places), dtype=bool)].min() >= 0.09
    assert (goals.hidden()[:, 2] < 0).all()


def test_the_expert_goes_straight_and_slows_down() -> None:
    start, goal = np.array([0.4, -0.2, 0.5]), np.array([0.6, 0.1, 0.3])
    moves = goals.plan(start, goal, 400, 40.0)
    speed = np.linalg.norm(moves, axis=1) * 40
    assert speed.max() == pytest.approx(goals.SPEED) and speed[-1] < 0.001
    assert (np.diff(speed) < 1e-9).all()
    np.testing.assert_allclose(start + moves.sum(axis=0), goal, atol=1e-3)
    assert not goals.plan(goal, goal, 4, 40.0).any()


def test_colours_are_checked_before_anything_moves(capsys: pytest.CaptureFixture[str]) -> None:
    for options, message in (
        (["franka", "--goals", "red,mauve", "--simulator", "/tmp/arm"], "no 'mauve' ball"),
        (["franka", "--goals", "red"], "simulated franka"),
        (["ros2", "--goals", "red", "--simulator", "/tmp/arm"], "simulated franka"),
        (["franka", "--simulator", "/tmp/arm"], "required"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(options)
        assert ended.value.code == 2 and message in capsys.readouterr().err


def test_the_table_has_a_row_a_ball_and_one_for_all() -> None:
    rows = table({"red": [True, True], "green": [True, False], "blue": []}).splitlines()
    assert rows[2].startswith("| red | 2 of 2 |") and rows[3].startswith("| green | 1 of 2 |")
    assert rows[4].startswith("| all | 3 of 4 |") and len(rows) == 5


def test_an_arm_may_be_told_nothing() -> None:
    words = ["--instruction", "", "--connect", "tcp://127.0.0.1:9", "--connect-timeout", "0.2"]
    assert main(["franka", *words]) == 4, "no daemon, and nothing before that"


def robot(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> RobotProcess:
    """One run of a shell script in the place of an arm's."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(stat.S_IRWXU)
    monkeypatch.setattr(sys, "executable", str(program))
    rig = SimpleNamespace(proxy=SimpleNamespace(address="nowhere"), config=folder / "none.toml", folder=folder)
    return RobotProcess(rig, "round")  # type: ignore[arg-type]


def test_all_that_an_arm_has_said_is_known_when_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = robot(tmp_path, monkeypatch, "seq 20000 >&2")
    assert ended.wait() == 0 and len(ended.said) == 20_000


@pytest.mark.parametrize("failure", [5, None])
def test_a_robot_that_fails_has_missed_nothing(
    failure: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = iter([0, failure])

    class Robot:
        def __init__(self, *_: object, asked: tuple[str, str]) -> None:
            self.said = [f"reached   the {colour} ball" for colour in asked[1].split(",")] + ["the daemon is gone"]

        def wait(self, seconds: float) -> int:
            code = next(rounds)
            if code is None:
                raise subprocess.TimeoutExpired("robot", seconds)
            return code

        def end(self) -> None:
            pass

    monkeypatch.setattr(reach, "RobotProcess", Robot)
    monkeypatch.setattr(reach, "Rig", lambda *_: SimpleNamespace(trace=SimpleNamespace(), close=lambda: None))
    assert reach.main(["--rounds", "5"]) == 5
    said = capsys.readouterr()
    assert "| all | 5 of 5 |" in said.out, "of the round before"
    assert ("the daemon is gone" if failure else "does not end") in said.err
