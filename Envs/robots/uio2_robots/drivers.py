"""The arms there are: where each has its driver, its cameras and its judge from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from uio2_envs.agreement import Agreement
from uio2_envs.environment import EnvironmentFailure

from .arm import Arm, ArmFailure
from .body import Cameras
from .cameras import MirrorCameras
from .configuration import Configuration, ConfigurationError
from .franka import FrankaArm
from .goals import COLOURS, SENTENCES
from .kinematics import KinematicsError, read_chain
from .plan import Control
from .ros2.arm import Ros2Arm
from .ros2.cameras import Ros2Cameras
from .ros2.node import RosNode
from .shared import Trace
from .simulator import TRACE

ARMS = ("franka", "ros2")

_REACHED = 0.02
"""m"""


class Franka:
    """A Franka arm, with the cameras and the judge of a simulated one where there is a simulator.

    Args:
        simulator: the folder of ``uio2_robots.simulator``; ``None``: a real arm, which has no cameras yet.
        goals: colours of the simulator's balls, in the order in which they are to be reached; each time one is, the
            policy is told the sentence of the next.
        log: told of each ball that is reached.
    """

    def __init__(
        self,
        configuration: Configuration,
        simulator: Path | None,
        camera_rate: float,
        recover: bool,
        goals: Sequence[str] = ("red",),
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        if configuration.ros2 is not None:
            raise ConfigurationError("ros2", "this arm is reached by ROS 2: uio2_robots ros2")
        self._configuration = configuration
        self._simulator = simulator
        self._camera_rate = camera_rate
        self._recover = recover
        self._trace = None if simulator is None else Trace(simulator / TRACE)
        self._goals = list(goals)
        self._log = log
        self._control: Control | None = None

    def attend(self, control: Control) -> None:
        """Who is told the next sentence."""
        self._control = control

    def arm(self) -> Arm:
        """Connects. Moves nothing."""
        return FrankaArm(self._configuration, self._recover)

    def cameras(self, agreement: Agreement, closing: ExitStack) -> Cameras:
        """The simulated cameras that the policy wants."""
        if self._simulator is None:
            if agreement.cameras:
                raise EnvironmentFailure(
                    "no_cameras",
                    "cameras",
                    "there is no driver of real cameras yet; --simulator DIR draws simulated ones",
                )
            return _NoCameras()
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="uio2-frames-")))
        cameras = MirrorCameras(
            self._simulator, folder, self._configuration.cameras, agreement.cameras, self._camera_rate
        )
        closing.callback(cameras.close)
        for request in agreement.cameras:
            cameras.newest(request.camera, request.width, request.height, request.vertical_field_of_view)
        return cameras

    def is_done(self) -> bool:
        """Whether the simulator has the tool at the last of its goals."""
        if self._trace is None:
            return False
        row = self._trace.newest
        place = self._trace.goals[list(COLOURS).index(self._goals[0])]
        if float(np.linalg.norm(row["position"] - place)) >= _REACHED:
            return False
        self._log(f"reached   the {self._goals[0]} ball at {row['time']:.1f} s of the simulator's time")
        if len(self._goals) == 1:
            return True
        del self._goals[0]
        if self._control is not None:
            self._control.instruct(SENTENCES[self._goals[0]])
        return False


class Ros2:
    """An arm and cameras behind ROS topics. The task's end is a person's word: nothing here knows it."""

    def __init__(self, configuration: Configuration) -> None:
        if configuration.ros2 is None:
            raise ConfigurationError("ros2", "the configuration has no table [ros2]")
        self._configuration = configuration
        self._settings = configuration.ros2
        self._control: Control | None = None
        self._node: RosNode | None = None

    def attend(self, control: Control) -> None:
        """Whose word the services and the topic ``instruction`` are."""
        self._control = control

    def arm(self) -> Arm:
        """Starts the node and waits for the arm's topics. Moves nothing."""
        self._node = node = RosNode(self._configuration, self._settings, self._stop, self._resume, self._instruct)
        try:
            settings = self._settings
            try:
                text = node.description() if settings.urdf is None else settings.urdf.read_text(encoding="utf-8")
                chain = read_chain(text, settings.base, settings.tool, settings.joints)
            except (KinematicsError, OSError, UnicodeDecodeError) as error:
                place = settings.description or str(settings.urdf)
                raise ArmFailure("description", place, str(error)) from error
            node.wait_until_ready()
            return _ClosingNode(self._configuration, settings, chain, node)
        except BaseException:
            node.close()
            raise

    def cameras(self, agreement: Agreement, closing: ExitStack) -> Cameras:
        """The topics that the policy wants pictures of."""
        assert self._node is not None
        cameras = Ros2Cameras(self._configuration.cameras, self._node)
        for request in agreement.cameras:
            cameras.newest(request.camera, request.width, request.height, request.vertical_field_of_view)
        return cameras

    def is_done(self) -> bool:
        return False

    def _stop(self) -> None:
        if self._control is not None:
            self._control.stop("stopped by the service stop")

    def _resume(self) -> bool:
        return self._control is not None and self._control.resume()

    def _instruct(self, text: str) -> None:
        if self._control is not None:
            self._control.instruct(text)


class _ClosingNode(Ros2Arm):
    """An arm whose node ends with it."""

    def close(self) -> None:
        assert isinstance(self._bus, RosNode)
        self._bus.close()


class _NoCameras:
    names: tuple[str, ...] = ()

    def newest(self, camera: str, width: int, height: int, field_of_view: float) -> tuple[np.ndarray, int]:
        raise EnvironmentFailure("unknown_camera", camera, "this arm has no cameras")
