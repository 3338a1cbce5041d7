"""Writes LeRobot datasets of format v3.0: one parquet file and one film a camera, which LeRobot itself reads."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TrainingError
from .destination import check_new_folder

_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
_SCALARS = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64",
            "task_index": "int64"}  # fmt: skip
_PLACE = {"chunk_index": 0, "file_index": 0}


class _Film:
    """An H.264 film that grows by frames."""

    def __init__(self, path: Path, rate_hz: float, height: int, width: int) -> None:
        import av

        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), "w")
        rate = Fraction(rate_hz).limit_denominator(1000)
        self._stream = self._container.add_stream("libx264", rate=rate)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        # Every second frame can be sought; 18 is nearly free of visible loss.
        self._stream.options = {"crf": "18", "g": "2", "preset": "fast", "bf": "0"}
        self._stream.codec_context.thread_count = 1
        self._frame = av.VideoFrame

    def add(self, picture: np.ndarray) -> None:
        for packet in self._stream.encode(self._frame.from_ndarray(picture, format="rgb24")):
            self._container.mux(packet)

    def close(self) -> None:
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()


class _Pixels:
    """Statistics of a camera over some of its pixels, each channel in 0..1."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []
        self.frames = 0

    def add(self, picture: np.ndarray) -> None:
        self.frames += 1
        self.kept.append(picture[::8, ::8].reshape(-1, 3).astype(np.float64) / 255)


class LeRobotWriter:
    """Writes a dataset, an episode at a time; ``close`` writes its descriptions.

    Args:
        path: a new folder.
        rate_hz: steps a second.
        cameras: (height, width) of each, even numbers; frames are stored as films.
        state, action: names of the numbers.
        extras: further features by name, with the names of their numbers.
        robot: LeRobot's ``robot_type``.
    """

    def __init__(
        self,
        path: Path,
        rate_hz: float,
        cameras: dict[str, tuple[int, int]],
        state: list[str],
        action: list[str],
        extras: dict[str, list[str]] | None = None,
        robot: str = "unknown",
    ) -> None:
        check_new_folder(path)
        odd = [name for name, size in cameras.items() if size[0] % 2 or size[1] % 2]
        if odd:
            raise TrainingError("invalid_value", odd[0], "films need even heights and widths; choose other ones")
        self._path, self._rate, self._robot = path, rate_hz, robot
        self._numbers = {"observation.state": state, "action": action, **(extras or {})}
        self._cameras = {f"observation.images.{name}": size for name, size in cameras.items()}
        self._films = {
            key: _Film(self._film_path(key), rate_hz, *size) for key, size in self._cameras.items()
        }
        self._pixels = {key: _Pixels() for key in self._cameras}
        self._columns: dict[str, list[Any]] = {name: [] for name in (*self._numbers, *_SCALARS)}
        self._tasks: dict[str, int] = {}
        self._episodes: list[dict[str, Any]] = []

    def _film_path(self, key: str) -> Path:
        return self._path / "videos" / key / "chunk-000" / "file-000.mp4"

    def add(
        self,
        instruction: str,
        state: np.ndarray,
        action: np.ndarray,
        frames: dict[str, list[np.ndarray]],
        extras: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Adds an episode: ``[T, s]``, ``[T, a]``, T frames uint8 ``[h, w, 3]`` a camera, and the extras ``[T, k]``."""
        length, first = len(state), len(self._columns["index"])
        number = len(self._episodes)
        values = {"observation.state": state, "action": action, **(extras or {})}
        for name, names in self._numbers.items():
            if values[name].shape != (length, len(names)):
                message = f"expected [{length}, {len(names)}], found {list(values[name].shape)}"
                raise TrainingError("shape_mismatch", name, message)
            self._columns[name].extend(np.asarray(values[name], dtype=np.float32))
        task = self._tasks.setdefault(instruction, len(self._tasks))
        scalars = {
            "timestamp": np.arange(length) / self._rate, "frame_index": np.arange(length),
            "episode_index": np.full(length, number), "index": np.arange(first, first + length),
            "task_index": np.full(length, task),
        }  # fmt: skip
        for name, column in scalars.items():
            self._columns[name].extend(column.tolist())
        place: dict[str, Any] = {
            "episode_index": number, "tasks": [instruction], "length": length, "data/chunk_index": 0,
            "data/file_index": 0, "dataset_from_index": first, "dataset_to_index": first + length,
        }  # fmt: skip
        for key in self._cameras:
            pictures = frames[key.removeprefix("observation.images.")]
            if len(pictures) != length:
                raise TrainingError("missing_frames", key, f"expected {length} frames, found {len(pictures)}")
            for picture in pictures:
                self._films[key].add(picture)
                self._pixels[key].add(picture)
            times = {"from_timestamp": first / self._rate, "to_timestamp": (first + length) / self._rate}
            place |= {f"videos/{key}/{name}": value for name, value in (_PLACE | times).items()}
        self._episodes.append(place | {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0})

    def close(self) -> None:
        """Ends the films and writes everything else."""
        for film in self._films.values():
            film.close()
        self._write_data()
        self._write_tasks()
        self._write_table(self._path / "meta/episodes/chunk-000/file-000.parquet", self._columns_of(self._episodes))
        (self._path / "meta" / "stats.json").write_text(json.dumps(self._statistics(), indent=1) + "\n")
        (self._path / "meta" / "info.json").write_text(json.dumps(self._info(), indent=1) + "\n")

    @staticmethod
    def _columns_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}

    @staticmethod
    def _write_table(path: Path, columns: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        import pyarrow
        import pyarrow.parquet

        path.parent.mkdir(parents=True, exist_ok=True)
        table = pyarrow.table(columns)
        if metadata:
            table = table.replace_schema_metadata({"pandas": json.dumps(metadata)})
        pyarrow.parquet.write_table(table, path)

    def _write_data(self) -> None:
        import pyarrow

        columns: dict[str, Any] = {}
        for name, names in self._numbers.items():
            flat = np.asarray(self._columns[name], dtype=np.float32).reshape(-1)
            # LeRobot keeps a lone number as a number.
            columns[name] = (
                flat if len(names) == 1 else pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), len(names))
            )
        for name, kind in _SCALARS.items():
            columns[name] = np.asarray(self._columns[name], dtype=kind)
        self._write_table(self._path / "data/chunk-000/file-000.parquet", columns)

    def _write_tasks(self) -> None:
        """A table whose index is the instruction, as pandas reads it."""
        index = {"name": None, "field_name": "__index_level_0__", "pandas_type": "unicode", "numpy_type": "object",
                 "metadata": None}  # fmt: skip
        column = {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64",
                  "metadata": None}  # fmt: skip
        columns_index = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object",
                         "metadata": {"encoding": "UTF-8"}}  # fmt: skip
        metadata = {
            "index_columns": ["__index_level_0__"], "column_indexes": [columns_index], "columns": [column, index],
            "creator": {"library": "pyarrow", "version": "0"}, "pandas_version": "2.0.0",
        }  # fmt: skip
        columns = {"task_index": list(self._tasks.values()), "__index_level_0__": list(self._tasks)}
        self._write_table(self._path / "meta/tasks.parquet", columns, metadata)

    def _statistics(self) -> dict[str, Any]:
        def describe(values: np.ndarray, count: int, shape: tuple[int, ...]) -> dict[str, Any]:
            parts = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
            parts |= {name: np.quantile(values, q, axis=0) for name, q in _QUANTILES.items()}
            return {name: part.reshape(shape).tolist() for name, part in parts.items()} | {"count": [count]}

        total = len(self._columns["index"])
        if not total:
            return {}
        result = {}
        for name in (*self._numbers, *_SCALARS):
            values = np.asarray(self._columns[name], dtype=np.float64).reshape(total, -1)
            result[name] = describe(values, total, (-1,))
        for key, pixels in self._pixels.items():
            result[key] = describe(np.concatenate(pixels.kept), pixels.frames, (3, 1, 1))
        return result

    def _info(self) -> dict[str, Any]:
        features: dict[str, Any] = {
            name: {"dtype": "float32", "shape": [len(names)], "names": names} for name, names in self._numbers.items()
        }
        for key, (height, width) in self._cameras.items():
            features[key] = {
                "dtype": "video", "shape": [height, width, 3], "names": ["height", "width", "channels"],
                "info": {
                    "video.height": height, "video.width": width, "video.codec": "h264", "video.pix_fmt": "yuv420p",
                    "video.is_depth_map": False, "video.fps": self._rate, "video.channels": 3, "has_audio": False,
                },
            }  # fmt: skip
        features |= {name: {"dtype": kind, "shape": [1], "names": None} for name, kind in _SCALARS.items()}
        episodes, frames = len(self._episodes), len(self._columns["index"])
        rate = int(self._rate) if float(self._rate).is_integer() else self._rate
        return {
            "codebase_version": "v3.0", "robot_type": self._robot, "total_episodes": episodes,
            "total_frames": frames, "total_tasks": len(self._tasks), "chunks_size": 1000,
            "data_files_size_in_mb": 100, "video_files_size_in_mb": 200, "fps": rate,
            "splits": {"train": f"0:{episodes}"},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
            "features": features,
        }  # fmt: skip
