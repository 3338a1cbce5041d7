"""``python -m uio2_robots franka --instruction "…"``: an arm that a uio2 daemon drives."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from uio2_client import Client
from uio2_envs import command_line, interruption
from uio2_envs.command_line import EXIT_ENVIRONMENT, say
from uio2_envs.events import EventStream

from .arm import ArmFailure
from .configuration import CONFIGURATIONS, ConfigurationError, load
from .drivers import ARMS, Franka, Ros2
from .goals import COLOURS, SENTENCES
from .recording import Recording, RecordingFailure
from .run import NotConfirmed, Plan, Resources, Run
from .trajectory import TrajectoryFailure
from .watchdog import WatchdogLost

EXIT_NOT_CONFIRMED = 6

RUN_SECONDS = 60.0
_DRY_RUN_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the arm and returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["teleop"]:
        from .teleop.command import main as teleop

        return teleop(arguments[1:], _Lines().next)
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.goals and (options.arm != "franka" or options.simulator is None):
        parser.error("--goals: the balls are those of a simulated franka (--simulator)")
    key = command_line.client_key(parser, options)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    events = EventStream(command_line.claim_stdout() if options.events else None)
    interruption.install()

    def run() -> None:
        configuration = load(options.config or CONFIGURATIONS / f"{options.arm}.toml")
        plan = Plan(
            configuration,
            SENTENCES[options.goals[0]] if options.goals else options.instruction,
            options.seconds or (_DRY_RUN_SECONDS if options.dry_run else RUN_SECONDS),
            dry_run=options.dry_run,
            confirmed=options.yes,
            home=options.home,
            encoding=options.encoding,
            connect_seconds=options.connect_timeout,
            trajectory=options.trajectory,
        )
        resources: Resources
        if options.arm == "ros2":
            resources = Ros2(configuration)
        else:
            resources = Franka(
                configuration, options.simulator, options.camera_rate, options.recover, options.goals or ["red"], say
            )
        with ExitStack() as closing:
            observer = None
            if options.record is not None:
                recording = Recording(options.record, say)
                closing.callback(recording.close)
                observer = recording.observe
            client = closing.enter_context(
                Client(options.connect, options.session, options.timeout, key=key, observer=observer)
            )
            Run(plan, client, resources, _Lines().next, events, say).run()

    codes = {NotConfirmed: EXIT_NOT_CONFIRMED}
    failures = (ConfigurationError, ArmFailure, RecordingFailure, TrajectoryFailure, WatchdogLost, OSError)
    codes |= dict.fromkeys(failures, EXIT_ENVIRONMENT)
    return command_line.exit_code(run, events, "robot", codes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_robots",
        description="An arm that a uio2 daemon drives. It shows what it would do and moves only after a yes.",
        epilog="While it runs: Enter stops the arm, go and Enter lets it move on, quit and Enter ends the run. "
        "Exit codes: 0 ended well, 2 usage, 3 robot and policy disagree, 4 protocol error, 5 the arm, its cameras or "
        "its configuration, 6 not confirmed, 130 interrupted. uio2_robots teleop --help: a person leads. "
        "This is no safety-rated system: docs/arms.md.",
    )
    parser.add_argument("arm", choices=ARMS, help="the driver")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--instruction", help="what the policy is asked to do")
    asked.add_argument(
        "--goals",
        type=_colours,
        metavar="COLOURS",
        help=f"simulated franka: balls to reach, one after the other, each by its sentence ({','.join(COLOURS)})",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the robot (configurations/ARM.toml)")
    parser.add_argument(
        "--connect",
        type=command_line.address,
        default="tcp://127.0.0.1:5555",
        metavar="ADDRESS",
        help="of the daemon (tcp://127.0.0.1:5555)",
    )
    parser.add_argument("--dry-run", action="store_true", help="ask the policy and show the commands; send none")
    parser.add_argument("--yes", action="store_true", help="move without asking; someone has looked at the arm")
    parser.add_argument("--home", action="store_true", help="go to the home pose first")
    parser.add_argument("--recover", action="store_true", help="franka: clear errors that the arm reports")
    parser.add_argument("--seconds", type=command_line.seconds, help="of the run (60; a dry run 2)")
    parser.add_argument("--simulator", type=Path, metavar="DIR", help="franka: the folder of uio2_robots.simulator")
    parser.add_argument(
        "--camera-rate", type=command_line.seconds, default=15.0, help="franka: of drawn cameras, Hz (15)"
    )
    parser.add_argument(
        "--trajectory", type=Path, metavar="FILE", help="write commanded and measured positions to a new CSV file there"
    )
    command_line.add_conversation(parser, timeout=1.0)
    command_line.add_session(parser)
    parser.add_argument("--record", type=Path, metavar="FILE", help="record every message in a new MCAP file there")
    return parser


def _colours(text: str) -> list[str]:
    colours = text.split(",")
    for colour in colours:
        if colour not in COLOURS:
            raise argparse.ArgumentTypeError(f"there is no {colour!r} ball; there are: {', '.join(COLOURS)}")
    return colours


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


if __name__ == "__main__":
    sys.exit(main())
