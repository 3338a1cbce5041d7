"""What a simulated robot hears: spoken instructions from files."""

from __future__ import annotations

from pathlib import Path

from uio2_client import audio_clip
from uio2_client import uio2_pb2 as pb

from .environment import EnvironmentFailure

VOICES = Path(__file__).resolve().parents[1] / "suites" / "voices"
"""Recordings that suites name."""

_ENDINGS = (".flac", ".ogg", ".wav")


class SpokenFiles:
    """Sounds for the episodes of tasks.

    Args:
        path: a WAV, FLAC or OGG file, which is said in every episode; or a folder that has one of its own for each task, ``TASK``, or
            for each sentence (``Environment.recording``), of which the seed chooses a file.

    Raises:
        EnvironmentFailure: there is no such file or folder.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise EnvironmentFailure("no_speech", str(path), "there is no such file or folder")
        self._path = path
        self._clips: dict[Path, pb.AudioClip] = {}

    def file(self, task: str, seed: int) -> Path:
        """The file that is said in the episode of a seed."""
        if not self._path.is_dir():
            return self._path
        folder = self._path / task
        files = sorted(file for file in folder.glob("*") if file.suffix.lower() in _ENDINGS)
        if not files:
            raise EnvironmentFailure("no_speech", str(folder), "expected a folder with WAV, FLAC or OGG files")
        return files[seed % len(files)]

    def __call__(self, task: str, seed: int) -> pb.AudioClip:
        """What is said in the episode of a seed. The same sound is the same object, as long as the file is."""
        file = self.file(task, seed)
        if file not in self._clips:
            try:
                self._clips[file] = audio_clip(file.read_bytes())
            except (OSError, ValueError) as error:
                raise EnvironmentFailure("no_speech", str(file), str(error)) from error
        return self._clips[file]
