"""``python -m uio2_envs.worker metaworld --connect ADDRESS``: runs the episodes that it is told on standard input.

In, one JSON object a line: ``{"id": 17, "task": "push-v3", "seed": 1003}``, and as wanted ``"step_limit"``,
``"stops_at_success"`` (true), ``"video"`` (a file) and ``"options"`` (an object, see ``variant.py``). Out, one JSON object a line: ``ready`` once, then ``episode_start``,
``step`` and ``episode_end`` with the same ``id``. The end of standard input ends the worker after the episode that runs.

A failure that concerns one episode is reported as ``episode_failed``; the worker then ends, since a simulator that has
failed is not to be trusted with the next one.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

from uio2_client import Client, InvalidAddress

from . import adapters, command_line, interruption, lifeline
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
from .jobs import Job, Worker
from .patience import RobotFailure
from .variant import Variant


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the worker and returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.mode == "realtime" and options.loop != "chunk":
        parser.error("--loop says when the robot looks again while the world waits; in real time it looks all the while")
    if options.mode == "lockstep" and options.added_delay:
        parser.error("in lockstep the world waits for the answer; --added-delay needs --mode realtime")
    try:
        key = command_line.client_key(parser, options)
        client = None if options.expert else Client(options.connect, options.session, options.timeout, key=key)
    except InvalidAddress as error:
        parser.error(f"--connect: {error}")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    events = EventStream(claim_stdout())
    interruption.install()
    lifeline.end_with_parent()
    sys.path[:0] = options.python_path
    running: Job | None = None
    worker: Worker | None = None
    try:
        for line in sys.stdin:
            running = Job.parse(line)
            if worker is None:
                worker = Worker(
                    options.simulator,
                    client,
                    events,
                    mode=options.mode,
                    loop=options.loop,
                    added_delay=options.added_delay / 1000,
                    simulated_clock=(options.clock or ("wall" if options.mode == "realtime" else "simulated")) == "simulated",
                    encoding=options.encoding,
                    connect_seconds=options.connect_timeout,
                    speech=options.speech,
                    python_path=options.python_path,
                    required=[*options.require, (running.task, running.options)],
                )
            worker.run(running)
            running = None
        if worker is not None:
            worker.close()
        return 0
    except Disagreed as error:
        return _fail(events, running, error.points[0], EXIT_DISAGREED)
    except RobotFailure as error:
        return _fail(events, running, error, EXIT_PROTOCOL)
    except EnvironmentFailure as error:
        return _fail(events, running, error, EXIT_ENVIRONMENT)
    except (KeyboardInterrupt, BrokenPipeError):
        return EXIT_INTERRUPTED
    except (Exception, SystemExit) as error:  # a simulator may raise anything
        logging.getLogger(__name__).exception("the environment failed")
        failure = EnvironmentFailure("environment", options.simulator, f"{type(error).__name__}: {error}")
        return _fail(events, running, failure, EXIT_ENVIRONMENT)
    finally:
        if client is not None:
            client.close()


def _fail(events: EventStream, running: Job | None, failure: Any, code: int) -> int:
    fields = {"code": failure.code, "subject": failure.subject, "message": failure.message}
    say(f"{failure.code}: {failure.subject}: {failure.message}")
    try:
        if running is None:
            events.emit("failed", **fields)
        else:
            events.emit("episode_failed", id=running.id, **fields)
    except BrokenPipeError:
        pass
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_envs.worker",
        description="Runs the episodes that it is told on standard input, one JSON object a line.",
        epilog=f"Exit codes: 0 standard input ended, {EXIT_CODES}",
    )
    parser.add_argument("simulator", help=f"one of {', '.join(adapters.names())}")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--connect", metavar="ADDRESS", help="of the daemon, e.g. tcp://127.0.0.1:5555")
    who.add_argument("--expert", action="store_true", help="the scripted expert instead of a daemon")
    parser.add_argument(
        "--mode",
        choices=("lockstep", "realtime"),
        default="lockstep",
        help="whether the world waits for the policy (lockstep) or goes on meanwhile (realtime)",
    )
    command_line.add_loop(parser)
    parser.add_argument(
        "--added-delay", type=_milliseconds, default=0.0, metavar="MS", help="hold each answer back, in real time (0)"
    )
    parser.add_argument(
        "--clock",
        choices=("wall", "simulated"),
        help="the robot's clock (simulated in lockstep, wall in real time); simulated in real time: an answer takes --added-delay, "
        "however busy the machine is",
    )
    parser.add_argument("--session", help="the session's name (random)")
    command_line.add_conversation(parser)
    command_line.add_speech(parser)
    parser.add_argument(
        "--require",
        type=_required,
        action="append",
        default=[],
        metavar="JSON",
        help="a task of a later job, with its options: one that the simulator does not have is refused before the first episode",
    )
    command_line.add_python_path(parser)
    return parser


def _required(text: str) -> tuple[str, Variant]:
    """``{"task": …, "options": …}``, as in a job."""
    try:
        fields = json.loads(text)
        return str(fields["task"]), Variant.parse(fields.get("options", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"expected an object with task and options, found {text[:200]}") from error


def _milliseconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected at least 0 milliseconds, found {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
