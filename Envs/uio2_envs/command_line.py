"""What the command lines of simulated and real robots share: exit codes, arguments, standard output, the last word."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from uio2_client import ClientKey, Endpoint, InvalidAddress, InvalidKey

from .agreement import Disagreed
from .environment import EnvironmentFailure
from .episode import LOOPS
from .events import EventStream
from .frames import ENCODINGS
from .output import Unwritable
from .patience import RobotFailure

EXIT_DISAGREED = 3
EXIT_PROTOCOL = 4
EXIT_ENVIRONMENT = 5
EXIT_INTERRUPTED = 130

EXIT_CODES = "2 usage, 3 robot and policy disagree, 4 protocol error, 5 environment error, 130 interrupted."


def add_python_path(parser: argparse.ArgumentParser) -> None:
    """Declares ``--python-path``."""
    parser.add_argument(
        "--python-path",
        type=folder,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder in which the simulator's modules are looked for first; may be repeated",
    )


def add_speech(parser: argparse.ArgumentParser) -> None:
    """Declares ``--speech``."""
    parser.add_argument(
        "--speech",
        type=Path,
        metavar="PATH",
        help="say the instruction: a WAV, FLAC or OGG file, or a folder with one of such files for each task, of which the seed chooses one",
    )


def add_conversation(parser: argparse.ArgumentParser, timeout: float = 5.0) -> None:
    """Declares how a robot talks to its daemon: ``--encoding``, ``--timeout``, ``--connect-timeout``, ``--key``, ``--server-key``."""
    parser.add_argument("--encoding", choices=ENCODINGS, default="jpeg", help="of the frames (jpeg: quality 95, 4:4:4)")
    wait = f"seconds to wait for an answer ({timeout:g})"
    parser.add_argument("--timeout", type=seconds, default=timeout, help=wait)
    parser.add_argument("--connect-timeout", type=seconds, default=30.0, help="seconds to wait for the daemon (30)")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="for a daemon with keys: this robot's private key (uio2 keys new)"
    )
    parser.add_argument(
        "--server-key", type=Path, metavar="FILE", help="the daemon's public key, where the private file names none"
    )


def client_key(parser: argparse.ArgumentParser, options: argparse.Namespace) -> ClientKey | None:
    """The key of the options of ``add_conversation``; ends the program where a file cannot be used."""
    if options.key is None:
        if options.server_key is not None:
            parser.error("--server-key goes with --key")
        return None
    try:
        return ClientKey.read(options.key, options.server_key)
    except InvalidKey as error:
        parser.error(f"--key: {error}")


def add_session(parser: argparse.ArgumentParser) -> None:
    """Declares ``--session`` and ``--events``."""
    parser.add_argument("--session", help="the session's name (random)")
    parser.add_argument("--events", action="store_true", help="write one JSON object a line to stdout")


def address(text: str) -> str:
    """The address of a daemon."""
    try:
        return Endpoint.parse(text).text
    except InvalidAddress as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """A number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {value}")
    return value


def not_negative(text: str) -> int:
    """A number of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected at least 0, found {value}")
    return value


def add_loop(parser: argparse.ArgumentParser) -> None:
    """Declares ``--loop``."""
    parser.add_argument(
        "--loop",
        choices=LOOPS,
        default="chunk",
        help="how much of an answer is executed before the robot looks again: all of it (chunk), its first action "
        "(closed), or all of it and then no more, so that one answer is the whole episode (open)",
    )


def folder(text: str) -> str:
    """The full path of a folder."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return str(path.resolve())


def seconds(text: str) -> float:
    """A duration above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected more than 0 seconds, found {text}")
    return value


def claim_stdout() -> TextIO:
    """Standard output for events alone: whatever a simulator prints goes to standard error from now on."""
    sys.stdout.flush()
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


def say(message: str) -> None:
    """Tells people."""
    print(message, file=sys.stderr, flush=True)


def exit_code(
    run: Callable[[], object], events: EventStream, subject: str, codes: Mapping[type[Exception], int] | None = None
) -> int:
    """The exit code of ``run``; what it raises is said and becomes the event ``failed``.

    Args:
        subject: what is at fault where an exception names nothing.
        codes: of further exceptions; those with ``code``, ``subject`` and ``message`` keep theirs.
    """
    failures = {RobotFailure: EXIT_PROTOCOL, EnvironmentFailure: EXIT_ENVIRONMENT, Unwritable: EXIT_ENVIRONMENT}
    codes = {**failures, **(codes or {})}
    try:
        run()
        return 0
    except Disagreed as error:
        for point in error.points:
            say(f"disagrees with the policy: {point.subject}: {point.message}")
        return fail(events, error.points[0], EXIT_DISAGREED)
    except (KeyboardInterrupt, BrokenPipeError):
        return EXIT_INTERRUPTED
    except (Exception, SystemExit) as error:  # a simulator or a driver may raise anything
        code = next((codes[kind] for kind in type(error).__mro__ if kind in codes), None)
        if code is None:
            logging.getLogger(__name__).exception("the environment failed")
            error = EnvironmentFailure("environment", subject, f"{type(error).__name__}: {error}")
            return fail(events, error, EXIT_ENVIRONMENT)
        say(str(error))
        named = hasattr(error, "subject")
        return fail(events, error if named else EnvironmentFailure("system", subject, str(error)), code)


def fail(events: EventStream, failure: Any, code: int) -> int:
    """Reports ``failure``, which has ``code``, ``subject`` and ``message``; returns the exit code."""
    try:
        events.emit("failed", code=failure.code, subject=failure.subject, message=failure.message)
    except BrokenPipeError:
        pass
    return code
