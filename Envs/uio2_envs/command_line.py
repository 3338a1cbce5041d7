"""What the command lines of this package share: exit codes, arguments, standard output, the last word."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TextIO

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
