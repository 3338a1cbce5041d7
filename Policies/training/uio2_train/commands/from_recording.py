"""``from-recording``: recordings (``--record``) as a LeRobot dataset.

A step is an observation that was answered with commands: its pictures and state, as the action the first command of
the answer, and as ``chunk`` all of them. Whether an episode succeeded, and where a person stopped, resumed or drove the
robot, are features beside them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..data.destination import check_new_folder, new_folder
from ..data.lerobot_writer import LeRobotWriter
from ..data.pictures import decode_picture
from ..data.recordings import RecordedEpisode, RecordingScan, messages_of_the_wire
from ..errors import TrainingError

OUTCOME = "episode_success"
MARKS = "operator"
CHUNK = "chunk"
UNKNOWN = -1.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="recordings, all of the same kind of robot")
    parser.add_argument("output", type=Path, metavar="DEST", help="a new folder")
    parser.add_argument(
        "--keep", choices=("all", "success", "failure"), default="all",
        help="episodes that are taken; with success and failure, only those of which the recording says it",
    )  # fmt: skip
    parser.add_argument("--task", action="append", help="take only this task of a simulator; may be repeated")
    parser.add_argument("--driven", action="store_true",
                        help="take only what a person drove, each stretch as an episode")  # fmt: skip
    parser.add_argument("--shortest", type=int, default=2, metavar="STEPS", help="leave out shorter episodes (2)")


def is_kept(episode: RecordedEpisode, options: argparse.Namespace) -> bool:
    """Whether the options ask for an episode."""
    if len(episode.steps) < options.shortest:
        return False
    if options.task and episode.mark.get("task") not in options.task:
        return False
    return options.keep == "all" or episode.success is (options.keep == "success")


def check_files(files: list[Path]) -> None:
    """Refuses a recording that is given twice, whatever it is called; raises ``TrainingError`` ``repeated``."""
    seen: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            status = file.stat()
        except (OSError, ValueError) as error:
            message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
            raise TrainingError("unreadable_file", str(file), message) from error
        other = seen.setdefault((status.st_dev, status.st_ino), file)
        if other is not file:
            message = f"is the same recording as {other}, and its episodes would count twice; give it once"
            raise TrainingError("repeated", str(file), message)


def check_repetitions(episodes: list[tuple[Path, RecordedEpisode]]) -> None:
    """Refuses an episode that two recordings hold, as a copy does, or what daemon and arm have both recorded.

    Raises:
        TrainingError: ``repeated``.
    """
    seen: dict[tuple[Any, ...], list[tuple[Path, RecordedEpisode]]] = {}
    for file, episode in episodes:
        steps = episode.steps
        content = tuple((step.captured_at, step.state.tobytes(), step.chunk.tobytes()) for step in steps)
        alike = seen.setdefault((episode.session, content), [])
        for other, before in alike:
            # Simulated episodes that were flown again are the same too, but at another time.
            if steps[0].at <= before.steps[-1].at and before.steps[0].at <= steps[-1].at:
                message = (
                    f"holds the same episode of session {episode.session} ({len(steps)} steps) as {other}, which would "
                    "count twice; give each recording once"
                )
                raise TrainingError("repeated", str(file), message)
        alike.append((file, episode))


def _robot(capabilities: Any) -> dict[str, Any]:
    """What all episodes of a dataset must agree upon."""
    return {
        "cameras": [camera.name for camera in capabilities.cameras],
        "state": [(part.name, part.unit) for part in capabilities.proprioception],
        "actions": [(part.name, part.unit) for part in capabilities.actions],
        "action_mode": capabilities.action_mode,
        "control_rate": capabilities.control_rate,
        "chunk_length": capabilities.chunk_length,
    }


def common_robot(episodes: list[tuple[Path, RecordedEpisode]]) -> dict[str, Any]:
    """The robot of all episodes; raises ``TrainingError`` ``mixed_robots`` or ``unsupported``."""
    file, first = episodes[0]
    robot = _robot(first.capabilities)
    if robot["action_mode"] not in ("delta", "absolute"):
        message = f"its actions are sentences ({robot['action_mode']}); LeRobot's datasets hold numbers of every step"
        raise TrainingError("unsupported", str(file), message)
    for other, episode in episodes[1:]:
        found = _robot(episode.capabilities)
        different = [key for key, value in robot.items() if found[key] != value]
        if different:
            key = different[0]
            message = (
                f"{key} of session {episode.session} is {found[key]}, {robot[key]} in {file}; make a dataset of each"
            )
            raise TrainingError("mixed_robots", str(other), message)
    return robot


def step_rate(episodes: list[RecordedEpisode], control_rate: float) -> float:
    """Observations a second, by the median gap; a whole part of the control rate where it is near one."""
    gaps = np.concatenate([np.diff([step.captured_at for step in episode.steps]) for episode in episodes])
    gaps = gaps[gaps > 0]
    if not gaps.size:
        message = "no two observations have different times, so that nobody knows the rate"
        raise TrainingError("invalid_value", "captured_at", message)
    rate = 1e9 / float(np.median(gaps))
    if control_rate > 0:
        every = max(1, round(control_rate / rate))
        if abs(control_rate / every - rate) < 0.1 * rate:
            return control_rate / every
    return round(rate, 3)


def commands(episode: RecordedEpisode, length: int, holds: bool) -> np.ndarray:
    """All commands of each step, ``[T, length, a]``; where a chunk was shorter the arm held still."""
    rows = []
    for step in episode.steps:
        missing = length - len(step.chunk)
        last = step.chunk[-1:] if holds else np.zeros_like(step.chunk[-1:])
        rows.append(np.concatenate([step.chunk[:length], np.repeat(last, max(0, missing), axis=0)]))
    return np.stack(rows)


def pictures(frames: dict[str, Any], cameras: dict[str, tuple[int, int]], subject: str) -> dict[str, np.ndarray]:
    """The frames of an observation, uint8 ``[h, w, 3]``."""
    result = {}
    for name, size in cameras.items():
        frame = frames.get(name)
        if frame is None:
            raise TrainingError("missing_frames", subject, f"has no picture of {name}")
        if frame.encoding == messages_of_the_wire().IMAGE_ENCODING_RGB8:
            if len(frame.data) != frame.width * frame.height * 3:
                raise TrainingError("unreadable_picture", subject, f"{name} has {len(frame.data)} bytes")
            picture = np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 3)
        else:
            picture = decode_picture(frame.data)
        if picture.shape[:2] != size:
            found, expected = (f"{s[1]}x{s[0]}" for s in (picture.shape, size))
            raise TrainingError("shape_mismatch", subject, f"{name} has {found} pixels, {expected} before")
        result[name] = picture
    return result


def _sizes(scan: RecordingScan, episode: RecordedEpisode, cameras: list[str]) -> dict[str, tuple[int, int]]:
    for _, frames in scan.frames({episode.steps[0].request}):
        missing = [name for name in cameras if name not in frames]
        if missing:
            raise TrainingError("missing_frames", str(scan.path), f"has no picture of {missing[0]} in its first step")
        return {name: (frames[name].height, frames[name].width) for name in cameras}
    raise TrainingError("unreadable_file", str(scan.path), "changed while it was read")


def run(options: argparse.Namespace) -> None:
    """Converts."""
    check_new_folder(options.output)
    check_files(options.files)
    scans = [RecordingScan(file) for file in options.files]
    offered = {scan.path: scan.stretches() if options.driven else scan.episodes for scan in scans}
    chosen = [(scan, episode) for scan in scans for episode in offered[scan.path] if is_kept(episode, options)]
    if not chosen:
        found = sum(len(scan.episodes) for scan in scans)
        message = f"{found} episodes, none of which is asked for; see --keep, --task, --driven and --shortest"
        raise TrainingError("empty_dataset", ", ".join(map(str, options.files)), message)
    check_repetitions([(scan.path, episode) for scan, episode in chosen])
    robot = common_robot([(scan.path, episode) for scan, episode in chosen])
    rate = step_rate([episode for _, episode in chosen], robot["control_rate"])
    sizes = _sizes(*chosen[0], robot["cameras"])
    length = max(len(step.chunk) for _, episode in chosen for step in episode.steps)
    names = [name for name, _ in robot["actions"]]
    extras = {
        CHUNK: [f"{name}_{place}" for place in range(length) for name in names],
        OUTCOME: ["success"], MARKS: ["stopped_after", "resumed_before", "driven"],
    }  # fmt: skip
    described: list[dict[str, Any]] = []
    with new_folder(options.output) as folder:
        writer = LeRobotWriter(folder, rate, sizes, [name for name, _ in robot["state"]], names, extras, robot="uio2")
        for scan in scans:
            episodes = [episode for owner, episode in chosen if owner is scan]
            described += _write(writer, scan, episodes, sizes, length, robot["action_mode"] == "absolute")
        writer.close()
        document = {
            "units": dict([*robot["state"], *robot["actions"]]), "action_mode": robot["action_mode"],
            "control_rate_hz": robot["control_rate"], "plan_key": CHUNK, "episodes": described,
        }  # fmt: skip
        (folder / "meta" / "uio2.json").write_text(json.dumps(document, indent=1) + "\n")
    _tell(scans, described, rate, options.output)


def _write(
    writer: LeRobotWriter, scan: RecordingScan, episodes: list[RecordedEpisode], sizes: dict[str, tuple[int, int]],
    length: int, holds: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """Writes the episodes of a recording as they end in it, and says what each of them is."""
    owners = {step.request: episode for episode in episodes for step in episode.steps}
    collected: dict[int, dict[str, list[np.ndarray]]] = {}
    described = []
    for number, frames in scan.frames(set(owners)):
        episode = owners[number]
        kept = collected.setdefault(id(episode), {name: [] for name in sizes})
        for name, picture in pictures(frames, sizes, f"{scan.path} session {episode.session}").items():
            kept[name].append(picture)
        if number != episode.steps[-1].request:
            continue
        chunks = commands(episode, length, holds)
        steps, success = episode.steps, episode.success
        outcome = UNKNOWN if success is None else float(success)
        marks = np.array([[step.stopped, step.resumed, step.driven] for step in steps], dtype=np.float64)
        parts = {CHUNK: chunks.reshape(len(steps), -1), OUTCOME: np.full((len(steps), 1), outcome), MARKS: marks}
        state = np.stack([step.state for step in steps])
        writer.add(steps[0].instruction, state, chunks[:, 0], collected.pop(id(episode)), parts)
        described.append({
            "recording": scan.path.name, "session": episode.session, "steps": len(steps), "success": success,
            "success_at_end": episode.mark.get("success_at_end"), "task": episode.mark.get("task"),
            "seed": episode.mark.get("seed"), "stops": episode.stops, "refused": episode.refused,
            "driven": sum(step.driven for step in steps),
            "policy": episode.capabilities.policy_name, "policy_digest": episode.capabilities.policy_digest,
        })  # fmt: skip
    return described


def _tell(scans: list[RecordingScan], described: list[dict[str, Any]], rate: float, output: Path) -> None:
    steps = sum(episode["steps"] for episode in described)
    outcomes = [episode["success"] for episode in described]
    print(f"{len(described)} episodes, {steps} steps, {rate:g} steps a second: {outcomes.count(True)} succeeded, "
          f"{outcomes.count(False)} failed, {outcomes.count(None)} not known")  # fmt: skip
    refused, stops = (sum(episode["refused"] for episode in described), sum(len(e["stops"]) for e in described))
    if refused:
        print(f"{refused} observations got no commands and are left out")
    if stops:
        print(f"stops by a person: {stops}; {MARKS} and meta/uio2.json say where")
    if driven := sum(episode["driven"] for episode in described):
        print(f"{driven} steps are a person's; {MARKS} says which")
    for scan in scans:
        if scan.is_cut:
            print(f"{scan.path}: was cut off; what comes before is taken")
        if scan.lost:
            print(f"{scan.path}: {scan.lost} messages are missing in it")
    print(f"-> {output}")
