"""LeRobot datasets, v2.1 and v3.0: parquet files with the numbers, mp4 files (or pictures in the parquet) with frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TrainingError
from .demonstrations import Camera, Demonstrations, Dimension, Episode, require_finite
from .pictures import decode_picture

VERSIONS = ("v2.1", "v3.0")
_BOOKKEEPING = ("timestamp", "frame_index", "episode_index", "index", "task_index")


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        message = "LeRobot datasets need it; install uio2-train[data]"
        raise TrainingError("missing_package", "pyarrow", message) from None
    return pyarrow.parquet


def flat_names(names: Any, count: int, prefix: str) -> list[str]:
    """The names of ``count`` numbers: a list, a dictionary of lists, or invented ones (``state_0``) without either."""
    if isinstance(names, dict):
        values = list(names.values())
        names = [x for value in values for x in value] if all(isinstance(v, list) for v in values) else list(names)
    if isinstance(names, list) and len(names) == count:
        return [str(name) for name in names]
    return [f"{prefix}_{index}" for index in range(count)]


class LeRobotDemonstrations(Demonstrations):
    """Reads a LeRobot dataset.

    Args:
        path: its root, which holds ``meta/info.json``.
        state_key: the feature that is the state.
        action_key: the feature that is the action.
    """

    def __init__(self, path: Path, state_key: str = "observation.state", action_key: str = "action") -> None:
        self.path = path
        try:
            self._info = json.loads((path / "meta" / "info.json").read_text())
            self._version = self._info["codebase_version"]
            self.rate_hz = float(self._info["fps"])
            features = self._info["features"]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError("unreadable_file", str(path / "meta/info.json"), f"is not LeRobot's: {error}") from error
        if self._version not in VERSIONS:
            message = f"expected {' or '.join(VERSIONS)}, found {self._version}; convert it with LeRobot"
            raise TrainingError("unknown_format", str(path / "meta/info.json"), message)
        self.format = f"LeRobot {self._version}"
        self._keys = {"state": state_key, "action": action_key}
        for key in self._keys.values():
            if key not in features:
                numbers = ", ".join(name for name, part in features.items() if not self._is_camera(part))
                raise TrainingError("unknown_feature", key, f"{path} has no such feature; it has {numbers}")
        self.cameras, self.extras, self._kinds = {}, {}, {}
        for name, part in features.items():
            if self._is_camera(part):
                height, width = self._size(part)
                self.cameras[name], self._kinds[name] = Camera(name, height, width), part["dtype"]
            elif name not in (*self._keys.values(), *_BOOKKEEPING) and str(part["dtype"]).startswith("float"):
                self.extras[name] = self._names(part, name)
        self.state = [Dimension(name) for name in self._names(features[state_key], "state")]
        self.action = [Dimension(name) for name in self._names(features[action_key], "action")]
        self._rows = self._read_rows()
        self.lengths = [len(rows) for rows in self._rows]

    @staticmethod
    def _is_camera(part: dict[str, Any]) -> bool:
        return part["dtype"] in ("video", "image")

    @staticmethod
    def _size(part: dict[str, Any]) -> tuple[int, int]:
        shape, names = list(part["shape"]), part.get("names") or ["height", "width", "channels"]
        order = [str(name).rstrip("s") for name in names]
        if "height" in order and "width" in order:
            return shape[order.index("height")], shape[order.index("width")]
        return (shape[1], shape[2]) if shape[0] == 3 else (shape[0], shape[1])

    @staticmethod
    def _names(part: dict[str, Any], prefix: str) -> list[str]:
        return flat_names(part.get("names"), int(np.prod(part["shape"])), prefix)

    # Numbers

    def _read_rows(self) -> list[Episode]:
        is_old = self._version == "v2.1"
        tasks = self._read_tasks_v2() if is_old else self._read_tasks_v3()
        self._places = self._read_places_v2() if is_old else self._read_places_v3()
        if not self._places:
            raise TrainingError("empty_dataset", str(self.path), "has no episodes")
        episodes: dict[int, Episode] = {}
        for file in sorted({self._data_file(place) for place in self._places}):
            episodes.update(self._read_file(file, tasks))
        missing = [place["episode_index"] for place in self._places if place["episode_index"] not in episodes]
        if missing:
            raise TrainingError("missing_episode", str(self.path), f"has no rows of episode {missing[0]}")
        result = [episodes[place["episode_index"]] for place in self._places]
        for episode, place in zip(result, self._places, strict=True):
            if len(episode) != place["length"]:
                message = f"expected {place['length']} rows of episode {episode.index}, found {len(episode)}"
                raise TrainingError("shape_mismatch", str(self.path), message)
        return result

    def _json_lines(self, name: str) -> list[dict[str, Any]]:
        file = self.path / "meta" / name
        try:
            return [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            raise TrainingError("unreadable_file", str(file), f"expected a JSON object a line: {error}") from error

    def _table(self, file: Path, columns: list[str] | None = None) -> dict[str, list[Any]]:
        parquet = _parquet()
        try:
            result: dict[str, list[Any]] = parquet.read_table(file, columns=columns).to_pydict()
            return result
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError("unreadable_file", str(file), f"cannot be read: {error}") from error

    def _read_tasks_v2(self) -> dict[int, str]:
        return {row["task_index"]: row["task"] for row in self._json_lines("tasks.jsonl")}

    def _read_tasks_v3(self) -> dict[int, str]:
        table = self._table(self.path / "meta" / "tasks.parquet")
        names = next(name for name in table if name != "task_index")
        return dict(zip(table["task_index"], table[names], strict=True))

    def _read_places_v2(self) -> list[dict[str, Any]]:
        return sorted(self._json_lines("episodes.jsonl"), key=lambda row: int(row["episode_index"]))

    def _read_places_v3(self) -> list[dict[str, Any]]:
        parquet, rows = _parquet(), []
        for file in sorted((self.path / "meta" / "episodes").glob("*/*.parquet")):
            columns = [name for name in parquet.read_schema(file).names if not name.startswith("stats/")]
            table = self._table(file, columns)
            rows += [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
        return sorted(rows, key=lambda row: int(row["episode_index"]))

    def _data_file(self, place: dict[str, Any]) -> Path:
        if self._version == "v2.1":
            index = place["episode_index"]
            chunk = index // self._info["chunks_size"]
            return self.path / self._info["data_path"].format(episode_chunk=chunk, episode_index=index)
        chunk, file = place["data/chunk_index"], place["data/file_index"]
        return self.path / self._info["data_path"].format(chunk_index=chunk, file_index=file)

    def _read_file(self, file: Path, tasks: dict[int, str]) -> dict[int, Episode]:
        keys = [*self._keys.values(), *self.extras]
        table = self._table(file, [*keys, "episode_index", "frame_index", "task_index"])
        owners = np.asarray(table["episode_index"])
        columns = {key: np.asarray(table[key], dtype=np.float64).reshape(len(owners), -1) for key in keys}
        episodes = {}
        for owner in np.unique(owners).tolist():
            rows = np.flatnonzero(owners == owner)
            rows = rows[np.argsort(np.asarray(table["frame_index"])[rows], kind="stable")]
            parts = {key: values[rows] for key, values in columns.items()}
            for kind, dimensions in (("state", self.state), ("action", self.action)):
                names = [dimension.name for dimension in dimensions]
                require_finite(parts[self._keys[kind]], names, f"{file} episode {owner} {kind}")
            said = [tasks.get(table["task_index"][row], "") for row in rows]
            extras = {key: parts[key] for key in self.extras}
            episodes[owner] = Episode(owner, said, parts[self._keys["state"]], parts[self._keys["action"]], extras)
        return episodes

    def episode(self, index: int) -> Episode:
        return self._rows[index]

    # Frames

    def frames(self, index: int, camera: str) -> Iterator[np.ndarray]:
        expected = self.camera(camera)
        source = self._stored_frames if self._kinds[camera] == "image" else self._video_frames
        count = 0
        for frame in source(index, camera):
            if frame.shape[:2] != (expected.height, expected.width):
                message = f"expected {expected.width}x{expected.height} pixels, found {frame.shape[1]}x{frame.shape[0]}"
                raise TrainingError("shape_mismatch", f"{camera} of episode {index}", message)
            count += 1
            yield frame
        if count != self.lengths[index]:
            message = f"expected {self.lengths[index]} frames, found {count}"
            raise TrainingError("missing_frames", f"{camera} of episode {index}", message)

    def _stored_frames(self, index: int, camera: str) -> Iterator[np.ndarray]:
        place = self._places[index]
        table = self._table(self._data_file(place), [camera, "episode_index", "frame_index"])
        rows = [row for row, owner in enumerate(table["episode_index"]) if owner == place["episode_index"]]
        for row in sorted(rows, key=lambda row: table["frame_index"][row]):
            picture = table[camera][row]
            yield decode_picture(picture["bytes"] or (self.path / picture["path"]).read_bytes())

    def _video_frames(self, index: int, camera: str) -> Iterator[np.ndarray]:
        place, start = self._places[index], 0.0
        if self._version == "v2.1":
            number = place["episode_index"]
            names = {"episode_chunk": number // self._info["chunks_size"], "episode_index": number}
        else:
            names = {key: place[f"videos/{camera}/{key}"] for key in ("chunk_index", "file_index")}
            start = float(place[f"videos/{camera}/from_timestamp"])
        file = self.path / self._info["video_path"].format(video_key=camera, **names)
        return read_video(file, start, self.lengths[index], self.rate_hz)


def read_video(file: Path, start: float, count: int, rate_hz: float) -> Iterator[np.ndarray]:
    """``count`` frames of a film from ``start`` seconds on, uint8 ``[h, w, 3]``.

    Raises:
        TrainingError: ``unreadable_file``, or ``missing_frames`` when a frame lies more than half a step off its time.
    """
    try:
        import av
    except ImportError:
        message = "LeRobot datasets with films need it; install uio2-train[data]"
        raise TrainingError("missing_package", "av", message) from None
    step, found = 1.0 / rate_hz, 0
    try:
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "NONE", 1
            if start > 0:
                container.seek(int(start / float(stream.time_base or 1)), stream=stream, backward=True)
            for frame in container.decode(stream):
                if found == count:
                    return
                time = float(frame.time or 0.0)
                if time < start - step / 2:
                    continue
                if abs(time - (start + found * step)) > step / 2:
                    message = f"frame {found} lies at {time:.3f} s, expected {start + found * step:.3f} s"
                    raise TrainingError("missing_frames", str(file), message)
                found += 1
                yield frame.to_ndarray(format="rgb24")
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise TrainingError("unreadable_file", str(file), f"is no film that can be read: {error}") from error
