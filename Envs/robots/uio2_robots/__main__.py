"""``python -m uio2_robots franka --instruction "…"``: an arm that a uio2 daemon drives."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from uio2_client import Client
from uio2_envs import interruption
from uio2_envs.agreement import Agreement, Disagreed
from uio2_envs.environment import EnvironmentFailure
from uio2_envs.events import EventStream
from uio2_envs.frames import ENCODINGS
from uio2_envs.patience import RobotFailure

from .arm import Arm, ArmFailure
from .body import Cameras
from .cameras import MirrorCameras
from .configuration import CONFIGURATIONS, Configuration, ConfigurationError, load
from .franka import FrankaArm
from .recording import Recording, RecordingFailure
from .run import NotConfirmed, Plan, Run
from .shared import Trace
from .simulator import TRACE
from .watchdog import WatchdogLost

EXIT_DISAGREED = 3
EXIT_PROTOCOL = 4
EXIT_ARM = 5
EXIT_NOT_CONFIRMED = 6
EXIT_INTERRUPTED = 130

_DRY_RUN_SECONDS = 2.0
_REACHED = 0.02
"""m"""


class Franka:
    """A Franka arm, with the cameras and the judge of a simulated one where there is a simulator.

    Args:
        simulator: the folder of ``uio2_robots.simulator``; ``None``: a real arm, which has no cameras yet.
    """

    def __init__(self, configuration: Configuration, simulator: Path | None, camera_rate: float, recover: bool) -> None:
        self._configuration = configuration
        self._simulator = simulator
        self._camera_rate = camera_rate
        self._recover = recover
        self._trace = None if simulator is None else Trace(simulator / TRACE)

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
        """Whether the simulator has the tool at its goal."""
        if self._trace is None:
            return False
        return float(np.linalg.norm(self._trace.newest["position"] - self._trace.goal)) < _REACHED


class _NoCameras:
    names: tuple[str, ...] = ()

    def newest(self, camera: str, width: int, height: int, field_of_view: float) -> tuple[np.ndarray, int]:
        raise EnvironmentFailure("unknown_camera", camera, "this arm has no cameras")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the arm and returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    events = EventStream(sys.stdout if options.events else None)
    interruption.install()
    try:
        configuration = load(options.config)
        plan = Plan(
            configuration,
            options.instruction,
            options.seconds or (_DRY_RUN_SECONDS if options.dry_run else 60.0),
            dry_run=options.dry_run,
            confirmed=options.yes,
            home=options.home,
            encoding=options.encoding,
            connect_seconds=options.connect_timeout,
            trajectory=options.trajectory,
        )
        resources = Franka(configuration, options.simulator, options.camera_rate, options.recover)
        with ExitStack() as closing:
            observer = None
            if options.record is not None:
                recording = Recording(options.record, _say)
                closing.callback(recording.close)
                observer = recording.observe
            client = closing.enter_context(Client(options.connect, options.session, options.timeout, observer=observer))
            Run(plan, client, resources, _Lines().next, events, _say).run()
        return 0
    except NotConfirmed:
        _say("not confirmed; nothing has moved")
        return EXIT_NOT_CONFIRMED
    except Disagreed as error:
        for point in error.points:
            _say(f"disagrees with the policy: {point.subject}: {point.message}")
        return _fail(events, error.points[0], EXIT_DISAGREED)
    except ConfigurationError as error:
        _say(str(error))
        return _fail(events, error, EXIT_ARM)
    except RobotFailure as error:
        _say(str(error))
        return _fail(events, error, EXIT_PROTOCOL)
    except (EnvironmentFailure, ArmFailure) as error:
        _say(str(error))
        return _fail(events, error, EXIT_ARM)
    except RecordingFailure as error:
        _say(str(error))
        return _fail(events, ArmFailure("unwritable_file", "record", str(error)), EXIT_ARM)
    except (WatchdogLost, OSError) as error:
        _say(str(error))
        return _fail(events, ArmFailure("system", "robot", str(error)), EXIT_ARM)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_robots",
        description="An arm that a uio2 daemon drives. It shows what it would do and moves only after a yes.",
        epilog="While it runs: Enter stops the arm, go and Enter lets it move on, quit and Enter ends the run. "
        "Exit codes: 0 ended well, 2 usage, 3 robot and policy disagree, 4 protocol error, 5 the arm, its cameras or "
        "its configuration, 6 not confirmed, 130 interrupted. This is no safety-rated system: docs/arms.md.",
    )
    parser.add_argument("arm", choices=("franka",), help="the driver")
    parser.add_argument("--instruction", required=True, help="what the policy is asked to do")
    parser.add_argument("--config", type=Path, default=CONFIGURATIONS / "franka.toml", help="the robot (franka.toml)")
    parser.add_argument("--connect", default="tcp://127.0.0.1:5555", metavar="ADDRESS", help="of the daemon")
    parser.add_argument("--dry-run", action="store_true", help="ask the policy and show the commands; send none")
    parser.add_argument("--yes", action="store_true", help="move without asking; someone has looked at the arm")
    parser.add_argument("--home", action="store_true", help="go to the home pose first")
    parser.add_argument("--recover", action="store_true", help="clear errors that the arm reports")
    parser.add_argument("--seconds", type=_seconds, help="of the run (60; a dry run 2)")
    parser.add_argument("--simulator", type=Path, metavar="DIR", help="the folder of uio2_robots.simulator")
    parser.add_argument("--camera-rate", type=_seconds, default=15.0, help="of drawn cameras, Hz (15)")
    parser.add_argument("--trajectory", type=Path, metavar="FILE", help="write commanded and measured positions, CSV")
    parser.add_argument("--record", type=Path, metavar="FILE", help="record every message in a new MCAP file there")
    parser.add_argument("--events", action="store_true", help="write one JSON object a line to stdout")
    parser.add_argument("--encoding", choices=ENCODINGS, default="jpeg", help="of the frames (jpeg)")
    parser.add_argument("--timeout", type=_seconds, default=1.0, help="seconds to wait for an answer (1)")
    parser.add_argument("--connect-timeout", type=_seconds, default=30.0, help="seconds to wait for the daemon (30)")
    parser.add_argument("--session", help="the session's name (random)")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected more than 0, found {text}")
    return value


class _Lines:
    """Lines of standard input without Python's buffers, whose lock a thread that waits would keep until the end."""

    def __init__(self) -> None:
        self._rest = b""

    def next(self) -> str:
        """The next line with its end; empty when there are no more."""
        while b"\n" not in self._rest:
            try:
                more = os.read(0, 4096)
            except OSError:
                more = b""
            if not more:
                return ""
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", errors="replace") + "\n"


def _fail(events: EventStream, failure, code: int) -> int:
    try:
        events.emit("failed", code=failure.code, subject=failure.subject, message=failure.message)
    except BrokenPipeError:
        pass
    return code


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
