"""The simple folder format: JSON, NumPy and JPEG or PNG files that any program can write.

    dataset.json                    {"format": "uio2-demonstrations", "version": 1, "rate_hz": 10,
                                     "cameras": {"front": {"width": 128, "height": 128}},
                                     "state": [{"name": "x", "unit": "m"}], "action": [{"name": "dx", "unit": "m"}],
                                     "extras": {"where": ["block_x", "block_y"]}}
    episodes/000000/episode.json    {"instruction": "Push the block."}
    episodes/000000/steps.npz       state [T, s], action [T, a], and each of the extras [T, k]
    episodes/000000/front/000000.jpg … one picture a step
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TrainingError
from .demonstrations import Camera, Demonstrations, Dimension, Episode, require_finite
from .destination import check_new_folder
from .pictures import decode_picture, encode_jpeg

FORMAT, VERSION = "uio2-demonstrations", 1


class FolderDemonstrations(Demonstrations):
    """Reads the folder format."""

    format = "folder"

    def __init__(self, path: Path) -> None:
        self.path = path
        subject = path / "dataset.json"
        try:
            document = json.loads(subject.read_text())
            if (document["format"], document["version"]) != (FORMAT, VERSION):
                found = f"{document['format']} {document['version']}"
                raise TrainingError("unknown_format", str(subject), f"expected {FORMAT} {VERSION}, found {found}")
            self.rate_hz = float(document["rate_hz"])
            self.cameras = {
                name: Camera(name, int(size["height"]), int(size["width"]))
                for name, size in document["cameras"].items()
            }
            self.state = [Dimension(part["name"], part.get("unit")) for part in document["state"]]
            self.action = [Dimension(part["name"], part.get("unit")) for part in document["action"]]
            self.extras = {name: list(names) for name, names in document.get("extras", {}).items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"does not describe a dataset: {type(error).__name__} {error}"
            raise TrainingError("unreadable_file", str(subject), message) from error
        self._folders = sorted(folder for folder in (path / "episodes").glob("*") if folder.is_dir())
        if not self._folders:
            raise TrainingError("empty_dataset", str(path / "episodes"), "expected a folder an episode, found none")
        self._episodes = [self._read(index) for index in range(len(self._folders))]
        self.lengths = [len(episode) for episode in self._episodes]

    def _read(self, index: int) -> Episode:
        folder = self._folders[index]
        try:
            instruction = json.loads((folder / "episode.json").read_text())["instruction"]
            with np.load(folder / "steps.npz", allow_pickle=False) as file:
                arrays = {name: np.asarray(file[name], dtype=np.float64) for name in file.files}
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError("unreadable_file", str(folder), f"is no episode: {error}") from error
        steps = len(arrays.get("state", ()))
        expected = {"state": len(self.state), "action": len(self.action)}
        expected |= {name: len(names) for name, names in self.extras.items()}
        for name, width in expected.items():
            shape = arrays[name].shape if name in arrays else None
            if not steps or shape != (steps, width):
                message = f"expected {name} [{steps or 'T'}, {width}] in steps.npz, found {shape}"
                raise TrainingError("shape_mismatch", str(folder), message)
        for name, dimensions in (("state", self.state), ("action", self.action)):
            require_finite(arrays[name], [dimension.name for dimension in dimensions], f"{folder} {name}")
        extras = {name: arrays[name] for name in self.extras}
        return Episode(index, [instruction] * steps, arrays["state"], arrays["action"], extras)

    def episode(self, index: int) -> Episode:
        return self._episodes[index]

    def frames(self, index: int, camera: str) -> Iterator[np.ndarray]:
        expected = self.camera(camera)
        folder = self._folders[index] / camera
        files = sorted([*folder.glob("*.jpg"), *folder.glob("*.png")], key=lambda file: file.stem)
        if len(files) != self.lengths[index]:
            message = f"expected {self.lengths[index]} pictures, one a step, found {len(files)}"
            raise TrainingError("missing_frames", str(folder), message)
        for file in files:
            frame = decode_picture(file.read_bytes())
            if frame.shape[:2] != (expected.height, expected.width):
                message = f"expected {expected.width}x{expected.height} pixels, found {frame.shape[1]}x{frame.shape[0]}"
                raise TrainingError("shape_mismatch", str(file), message)
            yield frame


class FolderWriter:
    """Writes the folder format, an episode at a time."""

    def __init__(
        self,
        path: Path,
        rate_hz: float,
        cameras: dict[str, tuple[int, int]],
        state: list[Dimension],
        action: list[Dimension],
        extras: dict[str, list[str]] | None = None,
    ) -> None:
        """``cameras`` gives (height, width). The folder is a new one."""
        check_new_folder(path)
        self._path, self._count = path, 0
        path.mkdir(parents=True, exist_ok=True)
        document = {
            "format": FORMAT, "version": VERSION, "rate_hz": rate_hz,
            "cameras": {name: {"width": width, "height": height} for name, (height, width) in cameras.items()},
            "state": [vars(dimension) for dimension in state], "action": [vars(dimension) for dimension in action],
            "extras": extras or {},
        }  # fmt: skip
        (path / "dataset.json").write_text(json.dumps(document, indent=1) + "\n")

    def add(
        self,
        instruction: str,
        state: np.ndarray,
        action: np.ndarray,
        frames: dict[str, list[np.ndarray]],
        extras: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Adds an episode: ``[T, s]``, ``[T, a]`` and T frames a camera."""
        folder = self._path / "episodes" / f"{self._count:06d}"
        for camera, pictures in frames.items():
            (folder / camera).mkdir(parents=True)
            for step, picture in enumerate(pictures):
                (folder / camera / f"{step:06d}.jpg").write_bytes(encode_jpeg(picture))
        (folder / "episode.json").write_text(json.dumps({"instruction": instruction}) + "\n")
        arrays: dict[str, Any] = {"state": state, "action": action, **(extras or {})}
        np.savez(folder / "steps.npz", **arrays)
        self._count += 1

    def close(self) -> None:
        """Nothing is left to write."""
