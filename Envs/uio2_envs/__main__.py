"""``python -m uio2_envs metaworld --task push-v3 --connect tcp://127.0.0.1:5555``: a simulated robot."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from uio2_client import Client, read_token

from . import adapters, command_line, interruption, lifeline, rollout
from .events import EventStream
from .patience import RobotFailure


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the robot and returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    key = command_line.client_key(parser, options)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    events = EventStream(command_line.claim_stdout() if options.events else None)
    interruption.install()
    if options.lifeline:
        lifeline.hold_on()
    sys.path[:0] = [folder for folder in options.python_path if folder not in sys.path]

    def run() -> None:
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
            speech=options.speech,
            loop=options.loop,
        )
        token = _token(options.token_file)
        with Client(options.connect, options.session, options.timeout, token=token, key=key) as client:
            rollout.run(plan, client, events, command_line.say)

    return command_line.exit_code(run, events, ",".join(options.task))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_envs",
        description="A simulated robot that a uio2 daemon drives.",
        epilog=f"Exit codes: 0 all episodes ran, {command_line.EXIT_CODES}",
    )
    parser.add_argument("environment", help=f"the simulator: {', '.join(adapters.names())}")
    parser.add_argument("--task", type=_names, required=True, help="task, or several with commas between")
    parser.add_argument(
        "--connect", type=command_line.address, required=True, metavar="ADDRESS", help="of the daemon, e.g. tcp://127.0.0.1:5555"
    )
    parser.add_argument("--episodes", type=command_line.positive, default=1, help="of each task (1)")
    parser.add_argument(
        "--seed", type=command_line.not_negative, default=0, help="of the first episode (0); episode e has SEED + e"
    )
    parser.add_argument("--max-steps", type=command_line.positive, default=500, help="control steps of an episode (500)")
    command_line.add_loop(parser)
    parser.add_argument("--video", type=Path, metavar="DIR", help="write an MP4 file of every episode there")
    parser.add_argument(
        "--clock",
        choices=("wall", "simulated"),
        default="wall",
        help="the robot's clock (wall); simulated: time passes only when the simulator steps, so no answer is late",
    )
    command_line.add_conversation(parser)
    command_line.add_session(parser)
    command_line.add_speech(parser)
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


if __name__ == "__main__":
    sys.exit(main())
