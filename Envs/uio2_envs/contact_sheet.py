"""``python -m uio2_envs.contact_sheet RUN --output FILE``: the failures of a run as one small JPEG, a strip an episode.

The run was made with ``uio2 evaluate … --video``. A strip shows its film from the beginning to the end, or parts of it, with the task,
the seed and how the episode ended above.
"""

from __future__ import annotations

import argparse
import io
import re
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .command_line import EXIT_ENVIRONMENT, positive
from .output import Output, Unwritable
from .report.media import frames_of
from .report.run import Episode, Run

BYTES = 150_000
_CAPTION = 16
_GAP = 2
_QUALITIES = (88, 80, 70, 60, 50, 40)


class NoSheet(Exception):
    """There is nothing to show; the message says why."""


def failures(run: Run, wanted: Sequence[tuple[str, int]], most: int) -> list[Episode]:
    """The episodes of a sheet: those that are named, or the first failures, of each task in turn.

    Raises:
        NoSheet: an episode that is named is not in the run, or nothing failed.
    """
    episodes = run.episodes()
    if wanted:
        known = {(episode.task, episode.seed): episode for episode in episodes}
        for task, seed in wanted:
            if (task, seed) not in known:
                raise NoSheet(f"{run.path}: has no episode {task}:{seed}")
        return [known[one] for one in wanted]
    failed = [episode for episode in episodes if not episode.success]
    if not failed:
        raise NoSheet(f"{run.path}: no episode failed")
    # Of each task the first one, then of each the second.
    turns = {task: [one for one in failed if one.task == task] for task in dict.fromkeys(one.task for one in failed)}
    return sorted(failed, key=lambda one: turns[one.task].index(one))[:most]


def sheet(run: Run, episodes: Sequence[Episode], columns: int, height: int, until: float = 1.0, limit: int = BYTES) -> bytes:
    """A JPEG file of at most ``limit`` bytes.

    Args:
        columns: pictures of an episode.
        height: of a picture, in pixels.
        until: the last picture's place in the film, 1 its end.

    Raises:
        NoSheet: an episode has no film, or the sheet does not get small enough.
    """
    strips = [_strip(run, episode, columns, height, until) for episode in episodes]
    picture = Image.new("RGB", (max(strip.width for strip in strips), sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        picture.paste(strip, (0, top))
        top += strip.height
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    raise NoSheet(f"{len(strips)} strips of {columns} pictures take {buffer.tell()} bytes, more than {limit}; take fewer, or smaller ones")


def _strip(run: Run, episode: Episode, columns: int, height: int, until: float) -> Image.Image:
    film = None if episode.video is None else run.path.parent / episode.video
    places = list(np.linspace(0, until, columns))
    found = None if film is None else frames_of(film, places)
    if not found:
        raise NoSheet(f"{run.path}: {episode.task} seed {episode.seed} has no film; make the run with --video")
    frames = [frame.resize((max(1, frame.width * height // frame.height), height)) for frame in found]
    strip = Image.new("RGB", (sum(frame.width + _GAP for frame in frames) - _GAP, _CAPTION + height + 2 * _GAP), "white")
    words = f"{episode.task}  seed {episode.seed}  {episode.ending}  {episode.steps} steps"
    ImageDraw.Draw(strip).text((_GAP, _GAP), words, fill=(20, 20, 20))
    left = 0
    for frame in frames:
        strip.paste(frame, (left, _CAPTION))
        left += frame.width + _GAP
    return strip


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the sheet."""
    options = _parser().parse_args(arguments)
    try:
        path = options.run / "run.db" if options.run.is_dir() else options.run
        if not path.is_file():
            raise NoSheet(f"{options.run}: there is no run")
        run = _opened(path)
        episodes = failures(run, options.episode, options.most)
        options.output.write(sheet(run, episodes, options.columns, options.height, options.until, options.bytes))
    except (NoSheet, Unwritable) as error:
        print(error, file=sys.stderr)
        return EXIT_ENVIRONMENT
    print("\n".join(f"{episode.task} seed {episode.seed}" for episode in episodes))
    return 0


def _opened(path: Path) -> Run:
    try:
        return Run(path)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise NoSheet(f"{path}: is no run: {error}") from error


def _episode(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.+):(\d+)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected TASK:SEED, found {text}")
    return found[1], int(found[2])


def _place(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a place after 0 up to 1, found {text}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="uio2_envs.contact_sheet", description="The failures of a run as one small picture.")
    parser.add_argument("run", type=Path, metavar="RUN", help="of uio2 evaluate --video: its folder or database")
    parser.add_argument("--output", type=Output.argument, required=True, metavar="FILE", help="a JPEG file")
    parser.add_argument(
        "--episode", type=_episode, action="append", default=[], metavar="TASK:SEED", help="show this one; may be repeated"
    )
    parser.add_argument("--most", type=positive, default=4, help="episodes, where none is named: the first failures of each task in turn (4)")
    parser.add_argument("--columns", type=positive, default=6, help="pictures of an episode (6)")
    parser.add_argument("--height", type=positive, default=110, help="of a picture, in pixels (110)")
    parser.add_argument("--until", type=_place, default=1.0, help="the last picture's place in the film (1, its end)")
    parser.add_argument("--bytes", type=positive, default=BYTES, help=f"of the file, at most ({BYTES})")
    return parser


if __name__ == "__main__":
    sys.exit(main())
