"""An arm as a body: the policy's numbers, holds, the gripper, and what a configuration may say."""

from __future__ import annotations

import csv
import math
import os
import threading

import numpy as np
import pytest
from model_arm import FRANKA, ModelArm, franka
from uio2_envs.environment import EnvironmentFailure

from uio2_robots.body import ArmBody, Step
from uio2_robots.configuration import Configuration, ConfigurationError, load
from uio2_robots.poses import rotation_vector


class Pictures:
    names = ("corner2", "topview")

    def newest(self, camera: str, width: int, height: int, field_of_view: float) -> tuple[np.ndarray, int]:
        return np.zeros((height, width, 3), np.uint8), {"corner2": 70, "topview": 50}[camera]


def make(configuration: Configuration | None = None, arm: ModelArm | None = None):
    arm, steps = arm or ModelArm(), []
    body = ArmBody(configuration or franka(), arm, Pictures(), "Move.", on_step=steps.append)
    return body, arm, steps


def absolute(tmp_path) -> Configuration:
    text = FRANKA.read_text().replace('mode = "delta"', 'mode = "absolute"').replace("[-0.01, 0.01]", "[-1.0, 1.5]")
    text += '\n[[actions]]\nname = "turn_z"\nunit = "rad"\ndrives = "rotation_z"\nrange = [-3.2, 3.2]\n'
    file = tmp_path / "absolute.toml"
    file.write_text(text)
    return load(file)


def test_proprioception_is_in_the_policy_frame() -> None:
    body, _, _ = make()
    body.reset(0)
    felt = body.observe()
    # The tool is at (0.45, 0, 0.35); the policy's origin lies at (-0.1, 0, 0.12), and its y is the arm's x.
    assert felt == pytest.approx(
        {"end_effector_x": 0.0, "end_effector_y": 0.55, "end_effector_z": 0.23, "gripper_opening": 1.0}
    )
    body.close()


def test_deltas_lead_the_tool_in_the_base_frame() -> None:
    body, arm, steps = make()
    body.reset(0)
    body.step(np.array([0.001, 0.002, -0.001, -1.0]))
    np.testing.assert_allclose(steps[-1].setpoint - arm.position, [0.002, -0.001, -0.001], atol=1e-9)
    assert steps[-1].limited == () and not steps[-1].held
    body.step(np.array([0.0, 0.01, 0.0, -1.0]))
    assert steps[-1].limited == ("speed",)
    body.close()


def test_absolute_poses_lead_the_tool_there(tmp_path) -> None:
    body, arm, steps = make(absolute(tmp_path))
    assert body.specification.action_mode == "absolute" and body.specification.hold == "repeat"
    body.reset(0)
    hold = body.hold_action()
    frame = body._configuration.frame.from_base(arm.state().pose)
    np.testing.assert_allclose(hold[:3], frame.position)
    assert hold[4] == pytest.approx(rotation_vector(frame.rotation)[2])
    body.step(np.array([0.002, 0.55, 0.23, -1.0, 0.0]))
    np.testing.assert_allclose(steps[-1].setpoint - arm.position, [0, -0.002, 0], atol=1e-9)
    body.close()


def test_a_hold_is_told_from_a_command_of_nothing() -> None:
    body, _, steps = make()
    body.reset(0)
    body.step(body.hold_action())
    assert steps[-1].held
    body.step(np.array([0.0, 0.0, 0.0, -1.0]))
    assert not steps[-1].held
    body.step(body.hold_action().copy())
    assert not steps[-1].held
    body.close()


def test_what_a_stop_finds_in_the_chunk_is_not_executed() -> None:
    stopped = [False]
    arm, steps = ModelArm(), []
    body = ArmBody(franka(), arm, Pictures(), "Move.", on_step=steps.append, stays=lambda: stopped[0])
    body.reset(0)
    command = np.array([0.002, 0.0, 0.0, 1.0])
    body.step(command)
    stopped[0] = True
    body.step(command)
    assert [step.held for step in steps] == [False, True] and arm.grips == [0.0]
    body.close()


def test_a_stop_that_comes_while_a_step_is_made_has_the_last_word() -> None:
    looks = iter([False])
    arm, steps = ModelArm(), []
    # Not stopped yet when the step begins, and stopped before it leads anywhere.
    body = ArmBody(franka(), arm, Pictures(), "Move.", on_step=steps.append, stays=lambda: next(looks, True))
    body.reset(0)
    body.step(np.array([0.002, 0.0, 0.0, 1.0]))
    servo = body._require_servo()
    assert servo._is_holding and [step.held for step in steps] == [True] and not arm.grips
    body.close()


def test_a_stop_waits_for_the_step_that_is_being_made_and_undoes_it() -> None:
    stopped, worker = [False], []
    arm = ModelArm()
    body = ArmBody(franka(), arm, Pictures(), "Move.", stays=lambda: stopped[0])

    def grip(opening: float) -> None:
        # The latch is set, from another thread, in the middle of a step.
        stopped[0] = True
        worker.append(threading.Thread(target=body.freeze))
        worker[0].start()

    arm.grip = grip  # type: ignore[method-assign]
    body.reset(0)
    body.step(np.array([0.002, 0.0, 0.0, 1.0]))
    worker[0].join()
    assert body._require_servo()._is_holding
    body.close()


def test_a_stop_may_come_while_the_body_is_closed() -> None:
    class Closing(ArmBody):
        """Closed by another thread between a look at the servo and the next."""

        is_closing = False

        @property
        def _servo(self):
            servo, self._kept = self._kept, None if self.is_closing else self._kept
            return servo

        @_servo.setter
        def _servo(self, servo) -> None:
            self._kept = servo

    body = Closing(franka(), ModelArm(), Pictures(), "Move.")
    body.reset(0)
    servo = body._servo
    Closing.is_closing = True
    body.freeze()
    assert servo._is_holding
    servo.close()


def test_the_gripper_is_told_when_it_is_clear_what_is_meant() -> None:
    body, arm, _ = make()
    body.reset(0)
    for grip in (-1.0, 0.0, 0.15, 1.0, 0.3, -0.1):
        body.step(np.array([0.0, 0.0, 0.0, grip]))
    assert arm.grips == [1.0, 0.0, 0.0]
    assert body.hold_action()[3] == 1.0, "a hold keeps the grip"
    body.close()


def test_an_observation_is_as_old_as_its_oldest_picture() -> None:
    body, _, _ = make()
    body.reset(0)
    assert body.oldest_frame_at is None
    for camera in Pictures.names:
        body.render(camera, 8, 8)
    assert body.oldest_frame_at == 50
    body.close()


def test_nothing_begins_outside_the_workspace() -> None:
    body, arm, _ = make(arm=ModelArm(position=(0.1, 0.0, 0.35)))
    with pytest.raises(EnvironmentFailure) as caught:
        body.reset(0)
    assert caught.value.code == "outside_workspace" and "--home" in caught.value.message
    assert not arm.commands and threading.active_count() < 10


def test_closing_lets_the_arm_rest() -> None:
    body, arm, _ = make()
    body.reset(0)
    body.close()
    body.close()
    assert arm.rests == 1


CORRUPTIONS = {
    "mode": ('mode = "delta"', 'mode = "fast"'),
    "host": ('host = "127.0.0.1"', ""),
    "limits.speed": ("speed = 0.25", "speed = 0"),
    "limits.acceleration": ("acceleration = 2.0", "acceleration = nan"),
    "limits.jerk": ("jerk = 200.0", "jerk = 20.0"),
    "limits.watchdog": ("watchdog = 0.3", "watchdog = 0.05"),
    "limits": ("x = [0.30, 0.70]", "x = [0.70, 0.30]"),
    "actions[0].unit": ('name = "delta_x"\nunit = "m"', 'name = "delta_x"\nunit = "mm"'),
    "actions[1]": ('drives = "translation_y"', 'drives = "translation_x"'),
    "actions[2].drives": ('drives = "translation_z"', 'drives = "elbow"'),
    "proprioception[0].range": ("range = [-0.525, 0.525]", "range = [0.525]"),
    "gripper.open": ("open = -1.0", "open = 1.0"),
    "cameras.topview.target": ("target = [0.5, 0.0, 0.0]", "target = [0.5, 0.001, 1.5]"),
    "frame.rotation_degrees": ("rotation_degrees = [0.0, 0.0, -90.0]", "rotation_degrees = [0.0, true, -90.0]"),
    "home": ("home = [0.0, -0.4", 'home = ["a", -0.4'),
    "end": ('end = "home"', 'end = "anywhere"'),
}


@pytest.mark.parametrize("field", CORRUPTIONS)
def test_a_configuration_that_no_arm_can_use_is_refused_by_its_field(field: str, tmp_path) -> None:
    text, (old, new) = FRANKA.read_text(), CORRUPTIONS[field]
    assert old in text
    file = tmp_path / "robot.toml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert caught.value.subject == f"{file}: {field}"


def test_a_configuration_that_is_no_toml_is_refused(tmp_path) -> None:
    for content in (b"name = ", b"\xff\xfe", None):
        file = tmp_path / "robot.toml"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load(file)


def test_steps_carry_the_clock_of_the_arm() -> None:
    body, arm, steps = make()
    body.reset(0)
    body.step(body.hold_action())
    assert isinstance(steps[-1], Step) and math.isclose(steps[-1].time, arm.now)
    body.close()


def test_a_trajectory_is_written_and_drawn(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    from uio2_robots.plot import plot
    from uio2_robots.trajectory import COLUMNS, Trajectory

    file, picture = tmp_path / "t.csv", tmp_path / "t.png"
    trajectory = Trajectory(file, pytest.fail)
    for index in range(20):
        place = np.full(3, 0.01 * index)
        trajectory.add(Step(index / 80, place, place - 0.001, index % 7 == 0, ("speed",)), index // 4)
    trajectory.close()
    trajectory.close()
    lines = file.read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS) and len(lines) == 21 and lines[2].split(",")[8] == "speed"
    plot(file, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    file.write_text(lines[0] + "\n")
    with pytest.raises(ValueError, match="no control steps"):
        plot(file, picture)


def test_a_trajectory_replaces_nothing_and_waits_for_nobody(tmp_path) -> None:
    from uio2_robots.trajectory import Trajectory, TrajectoryFailure

    file, pipe, link = tmp_path / "t.csv", tmp_path / "pipe", tmp_path / "link"
    file.write_text("precious")
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere")
    for there in (file, pipe, link):
        with pytest.raises(TrajectoryFailure, match="replaces nothing"):
            Trajectory(there, pytest.fail)
    assert file.read_text() == "precious" and not (tmp_path / "nowhere").exists()
    with pytest.raises(TrajectoryFailure, match="cannot be made"):
        Trajectory(file / "t.csv", pytest.fail)
    Trajectory(tmp_path / "empty.csv", pytest.fail).close()
    assert not (tmp_path / "empty.csv").exists(), "a run that did not begin leaves nothing in the way of the next"


def test_a_full_disk_ends_the_trajectory_and_nothing_else(tmp_path) -> None:
    from uio2_robots.trajectory import Trajectory

    said: list[str] = []
    trajectory = Trajectory(tmp_path / "t.csv", said.append)

    class Full:
        closed = False

        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    trajectory._stream = Full()
    trajectory._writer = csv.writer(trajectory._stream)
    for _ in range(3):
        trajectory.add(Step(0.0, np.zeros(3), np.zeros(3), False, ()), 0)
    trajectory.close()
    assert len(said) == 1 and "No space left" in said[0]
