"""``python -m uio2_envs metaworld --task push-v3 --connect tcp://127.0.0.1:5555``: a simulated robot."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from uio2_client import Client, Endpoint, InvalidAddress, read_token

from . import adapters, command_line, interruption, lifeline, rollout
from .agreement import Disagreed
from .command_line import (
    EXIT_CODES,
    EXIT_DISAGREED,
    EXIT_ENVIRONMENT,
    EXIT_INTERRUPTED,
    EXIT_PROTOCOL,
    claim_stdout,
    say,
)
from .environment import EnvironmentFailure
from .events import EventStream
from .frames import ENCODINGS
from .patience import RobotFailure

def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the robot and returns its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    events = EventStream(claim_stdout() if options.events else None)
    interruption.install()
    if options.lifeline:
        lifeline.hold_on()
    sys.path[:0] = [folder for folder in options.python_path if folder not in sys.path]
    try:
        plan = rollout.Plan(
            environment=options.environment,
            tasks=tuple(options.task),
            episodes=options.episodes,
            seed=options.seed,
            step_limit=options.max_steps,
            encoding=options.encoding,
            video_folder=options.video,
            simulated_clock=options.clock == "simulated",
            connect_seconds=options.connect_timeout,
            python_path=tuple(options.python_path),
            token_file=options.token_file,
        )
        with Client(options.connect, options.session, options.timeout, token=_token(options.token_file)) as client:
            rollout.run(plan, client, events, say)
        return 0
    except Disagreed as error:
        for point in error.points:
            say(f"disagrees with the policy: {point.subject}: {point.message}")
        return _fail(events, error.points[0], EXIT_DISAGREED)
    except RobotFailure as error:
        say(str(error))
        return _fail(events, error, EXIT_PROTOCOL)
    except EnvironmentFailure as error:
        say(str(error))
        return _fail(events, error, EXIT_ENVIRONMENT)
    except (KeyboardInterrupt, BrokenPipeError):
        return EXIT_INTERRUPTED
    except (Exception, SystemExit) as error:  # a simulator may raise anything
        logging.getLogger(__name__).exception("the environment failed")
        failure = EnvironmentFailure("environment", ",".join(options.task), f"{type(error).__name__}: {error}")
        return _fail(events, failure, EXIT_ENVIRONMENT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_envs",
        description="A simulated robot that a uio2 daemon drives.",
        epilog=f"Exit codes: 0 all episodes ran, {EXIT_CODES}",
    )
    parser.add_argument("environment", help=f"the simulator: {', '.join(adapters.names())}")
    parser.add_argument("--task", type=_names, required=True, help="task, or several with commas between")
    parser.add_argument(
        "--connect", type=_address, required=True, metavar="ADDRESS", help="of the daemon, e.g. tcp://127.0.0.1:5555"
    )
    parser.add_argument("--episodes", type=_positive, default=1, help="of each task (1)")
    parser.add_argument(
        "--seed", type=_not_negative, default=0, help="of the first episode (0); episode e has SEED + e"
    )
    parser.add_argument("--max-steps", type=_positive, default=500, help="control steps of an episode (500)")
    parser.add_argument("--video", type=Path, metavar="DIR", help="write an MP4 file of every episode there")
    parser.add_argument("--events", action="store_true", help="write one JSON object a line to stdout")
    parser.add_argument("--encoding", choices=ENCODINGS, default="jpeg", help="of the frames (jpeg: quality 95, 4:4:4)")
    parser.add_argument(
        "--clock",
        choices=("wall", "simulated"),
        default="wall",
        help="the robot's clock (wall); simulated: time passes only when the simulator steps, so no answer is late",
    )
    parser.add_argument("--timeout", type=command_line.seconds, default=5.0, help="seconds to wait for an answer (5)")
    parser.add_argument("--connect-timeout", type=command_line.seconds, default=30.0, help="seconds to wait for the daemon (30)")
    parser.add_argument("--session", help="the session's name (random)")
    command_line.add_python_path(parser)
    parser.add_argument(
        "--lifeline",
        action="store_true",
        help="end when standard input does, which the process that started this one keeps open",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="keep the session's token there, so that a later robot of the same --session may go on with it",
    )
    return parser


def _token(file: Path | None) -> bytes:
    """The token that an earlier robot has kept, if one has."""
    try:
        return b"" if file is None or not file.exists() else read_token(file)
    except (OSError, ValueError) as error:
        raise RobotFailure("invalid_token", str(file), str(error)) from error


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected a task")
    return names


def _address(text: str) -> str:
    try:
        return Endpoint.parse(text).text
    except InvalidAddress as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {value}")
    return value


def _not_negative(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected at least 0, found {value}")
    return value


def _fail(events: EventStream, failure, code: int) -> int:
    try:
        events.emit("failed", code=failure.code, subject=failure.subject, message=failure.message)
    except BrokenPipeError:
        pass
    return code


if __name__ == "__main__":
    sys.exit(main())
