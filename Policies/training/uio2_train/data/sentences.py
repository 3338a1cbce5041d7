"""Demonstrations whose answers are sentences of the pick-and-place action space, asked for in words and pictures.

    dataset.json        {"format": "uio2-sentences", "version": 1, "camera": {"name": "top", "width": 256, "height": 128},
                         "x": [0.25, 0.75], "y": [-0.5, 0.5], "maximum_steps": 4,
                         "labels": {"shape": ["square", …], "texture": ["red", …]}}
    shards/000000.npz   jpeg: pictures one after the other, uint8; offsets: where each begins, and the end, int64;
                        samples: JSON, a list of {"task": "put-into-train", "prompt": ["Put the", 1, "into the", 2, "."],
                        "image": 0, "moves": [["pick_and_place", x, y, r, x, y, r]], "things": […], "shown": [[…], […]]}

Numbers in a prompt are pictures. ``things`` (of the image) and ``shown`` (of each picture of the prompt, in order) may be
left out; they say what is to be seen: a name of each of the labels, then middle and radius in pixels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import TrainingError
from ..model import Configuration, Inputs, Patches
from ..recipe import Recipe
from ..sentence import PoseRanges, SentenceTokens
from ..tokenizer import Tokenizer
from .pictures import decode_picture
from .samples import Canvas, move_inputs, prompt_text, squeeze_slot, stack_patches
from .speech import SpeechLibrary, sound_patches

FORMAT, VERSION = "uio2-sentences", 1
HELD_OUT = 20
"""One file in this many is for validation, so files can be added during training."""
MAXIMUM_PICTURES = 4


@dataclass(frozen=True)
class Sample:
    """A demonstration."""

    shard: int
    document: dict[str, Any]


class SentenceDemonstrations:
    """All files of a folder in memory.

    Raises:
        TrainingError: ``unreadable_file``, ``unknown_format`` or ``empty_dataset``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        subject = path / "dataset.json"
        try:
            document = json.loads(subject.read_text())
            if (document["format"], document["version"]) != (FORMAT, VERSION):
                found = f"{document['format']} {document['version']}"
                raise TrainingError("unknown_format", str(subject), f"expected {FORMAT} {VERSION}, found {found}")
            camera = document["camera"]
            self.camera, self.size = str(camera["name"]), (int(camera["height"]), int(camera["width"]))
            self.ranges = PoseRanges(tuple(document["x"]), tuple(document["y"]))
            self.maximum_steps = int(document["maximum_steps"])
            self.labels = {str(name): list(names) for name, names in document.get("labels", {}).items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"does not describe a dataset: {type(error).__name__} {error}"
            raise TrainingError("unreadable_file", str(subject), message) from error
        files = sorted((path / "shards").glob("*.npz"))
        if not files:
            raise TrainingError("empty_dataset", str(path / "shards"), "expected files of demonstrations, found none")
        self._pictures: list[tuple[np.ndarray, np.ndarray]] = []
        self.train: list[Sample] = []
        self.held_out: list[Sample] = []
        for file in files:
            try:
                with np.load(file, allow_pickle=False) as arrays:
                    self._pictures.append((arrays["jpeg"], arrays["offsets"]))
                    samples = json.loads(arrays["samples"].tobytes())
            except (OSError, ValueError, KeyError) as error:
                raise TrainingError("unreadable_file", str(file), f"holds no demonstrations: {error}") from error
            is_held_out = int(file.stem) % HELD_OUT == 0
            part = self.held_out if is_held_out else self.train
            part += [Sample(len(self._pictures) - 1, document) for document in samples]
        # A handful of files, as in a trial run.
        self.train = self.train or self.held_out

    def picture(self, sample: Sample, number: int) -> np.ndarray:
        """A picture of a sample, uint8 ``[h, w, 3]``."""
        data, offsets = self._pictures[sample.shard]
        return decode_picture(data[offsets[number] : offsets[number + 1]].tobytes())


@dataclass
class SceneLabels:
    """What each patch shows. Classes are 0 for nothing, else 1 more than the place among the labels' names."""

    classes: Tensor
    """int64 ``[n, patches, labels]``."""
    offsets: Tensor
    """From a patch's middle to that of what it shows, in patches, float32 ``[n, patches, 2]``."""
    shown: Tensor
    """bool ``[n, patches]``: patches of the picture, not of the canvas around it."""


@dataclass
class SentenceBatch:
    """Drawn demonstrations."""

    inputs: Inputs
    ids: Tensor
    """The answer, int64 ``[b, t]``; 0 after its end."""
    bins: Tensor
    """int64 ``[b, t]``: of locations; -1 elsewhere."""
    chosen: Tensor
    """bool ``[b, t]``: words that the grammar leaves open."""
    samples: list[Sample]
    scene: SceneLabels | None = None
    """Of the images."""
    pictured: SceneLabels | None = None
    """Of the pictures of all prompts that there are, one after the other."""
    named: Tensor | None = None
    """int64 ``[b, patches]``: which of the prompt's pictures shows what the patch shows, from 1; 0: none."""

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device) -> SentenceBatch:
        """On a device."""

        def moved(labels: SceneLabels | None) -> SceneLabels | None:
            if labels is None:
                return None
            return SceneLabels(labels.classes.to(device), labels.offsets.to(device), labels.shown.to(device))

        named = None if self.named is None else self.named.to(device)
        return SentenceBatch(
            move_inputs(self.inputs, device), self.ids.to(device), self.bins.to(device), self.chosen.to(device),
            self.samples, moved(self.scene), moved(self.pictured), named,
        )  # fmt: skip


class SentenceSampler:
    """Draws and prepares demonstrations.

    Args:
        recipe: of the policy.
        demonstrations: where they come from.
        samples: those that may be drawn.
        tokenizer, configuration: of its model.
        speech: recordings of the prompts' words; none: they are written.
    """

    def __init__(
        self,
        recipe: Recipe,
        demonstrations: SentenceDemonstrations,
        samples: list[Sample],
        tokenizer: Tokenizer,
        configuration: Configuration,
        speech: SpeechLibrary | None = None,
    ) -> None:
        self.speech = speech
        self._recipe, self.demonstrations, self.samples = recipe, demonstrations, samples
        self.tokenizer, self.spelling = tokenizer, SentenceTokens(tokenizer, demonstrations.maximum_steps)
        self.image, self.history = Canvas(configuration, "image"), Canvas(configuration, "image_history")
        self._limit = configuration.t5.encoder_max_text_length
        self._names = [
            {name: number for number, name in enumerate(names, start=1)} for names in demonstrations.labels.values()
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def draw(self, random: np.random.Generator, count: int) -> list[Sample]:
        """A random batch."""
        return [self.samples[index] for index in random.integers(len(self.samples), size=count)]

    def prompt(self, document: dict[str, Any], spoken: bool = False) -> list[int]:
        """Encoder ids of a demonstration's words, with names in the place of pictures; of the names alone where it is spoken."""
        words, count = [], 0
        for part in document["prompt"]:
            count += not isinstance(part, str)
            if not isinstance(part, str):
                words.append(f"<image_history_{count}>")
            elif not spoken:
                words.append(part)
        return self.tokenizer.prompt(prompt_text(self._recipe.prompt, " ".join(words), np.zeros(0)), limit=self._limit)

    def _is_spoken(self, random: np.random.Generator | None) -> bool:
        if random is None or self.speech is None or self._recipe.audio is None:
            return False
        return bool(random.random() < self._recipe.audio.share)

    def _sounds(self, samples: list[Sample], random: np.random.Generator) -> Patches:
        """Somebody saying each demonstration's words."""
        assert self.speech is not None and self._recipe.audio is not None
        clips = [self.speech.draw(words_of(sample.document), random).samples for sample in samples]
        return sound_patches(clips, self._recipe.audio.maximum_duration_s)

    def batch(self, samples: list[Sample], random: np.random.Generator | None = None) -> SentenceBatch:
        """The demonstrations as a batch; with random numbers, augmented, and now and then spoken."""
        spoken = self._is_spoken(random)
        prompts, images, histories, answers = [], [], [], []
        for sample in samples:
            document = sample.document
            numbers = [document["image"], *(part for part in document["prompt"] if not isinstance(part, str))]
            pictures = [self.demonstrations.picture(sample, number) for number in numbers]
            if random is not None:
                pictures = self._varied(pictures, random)
            images.append(pictures[:1])
            histories.append(pictures[1:])
            prompts.append(self.prompt(document, spoken))
            answers.append(self.spelling.answer(self.demonstrations.ranges.steps(document["moves"])))
        slots = max(len(history) for history in histories)
        inputs = Inputs(
            _padded(prompts),
            squeeze_slot(stack_patches(images, self.image, 1)),
            stack_patches(histories, self.history, slots) if slots else None,
            self._sounds(samples, random) if spoken and random is not None else None,
        )
        batch = SentenceBatch(
            inputs, _padded([answer.ids for answer in answers]), _padded([answer.bins for answer in answers], -1),
            _padded([answer.chosen for answer in answers]).bool(), samples,
        )  # fmt: skip
        if self._names and all("things" in sample.document for sample in samples):
            self._label(batch, [[picture.shape[:2] for picture in history] for history in histories])
        return batch

    def _varied(self, pictures: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
        """Pictures in other colours and another light, all of them in the same."""
        recipe = self._recipe.data.augmentation
        channels = random.permutation(3) if random.random() < recipe.channels else np.arange(3)
        contrast = 1 + random.uniform(-recipe.contrast, recipe.contrast)
        light = 255 * random.uniform(-recipe.brightness, recipe.brightness)
        return [
            (128 + contrast * (picture[..., channels].astype(np.float32) - 128) + light).clip(0, 255)
            for picture in pictures
        ]

    def _label(self, batch: SentenceBatch, sizes: list[list[tuple[int, int]]]) -> None:
        scenes = [
            labels_of(self._numbered(sample.document["things"]), self.demonstrations.size, self.image, len(self._names))
            for sample in batch.samples
        ]
        batch.scene = _stacked(scenes)
        pictured = [
            labels_of(self._numbered(things), size, self.history, len(self._names))
            for sample, frames in zip(batch.samples, sizes, strict=True)
            for things, size in zip(sample.document["shown"], frames, strict=True)
        ]
        batch.pictured = _stacked(pictured) if pictured else None
        named = torch.zeros(batch.scene.classes.shape[:2], dtype=torch.long)
        for row, sample in enumerate(batch.samples):
            for number, things in enumerate(sample.document["shown"], start=1):
                if len(things) == 1:
                    wanted = torch.tensor(self._numbered(things)[0][0])
                    named[row][(batch.scene.classes[row] == wanted).all(-1)] = number
        batch.named = named

    def _numbered(self, things: list[list[Any]]) -> list[tuple[list[int], np.ndarray]]:
        """Classes, and middle and radius ``[3]``, of things."""
        count = len(self._names)
        return [
            ([names[name] for names, name in zip(self._names, thing[:count], strict=True)], np.array(thing[count:]))
            for thing in things
        ]


def words_of(document: dict[str, Any]) -> str:
    """A demonstration's words without its pictures: what a recording of them is known by."""
    return " ".join(part for part in document["prompt"] if isinstance(part, str))


def labels_of(
    things: list[tuple[list[int], np.ndarray]], size: tuple[int, int], canvas: Canvas, count: int
) -> SceneLabels:
    """What the patches of one picture show: of several things the nearest.

    Args:
        things: classes, and middle (x, y) and radius in pixels of the picture.
        size: height and width of the picture.
        canvas: where it is laid on.
        count: labels of a thing.
    """
    from .pictures import Placement

    placement = Placement.fit(size, canvas.size)
    scale = placement.size[0] / size[0]
    rows, columns = canvas.size[0] // canvas.patch, canvas.size[1] // canvas.patch
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1) * canvas.patch + canvas.patch / 2
    classes = np.zeros((rows * columns, count), dtype=np.int64)
    offsets = np.zeros((rows * columns, 2), dtype=np.float32)
    nearest = np.full(rows * columns, np.inf)
    for numbers, (u, v, radius) in things:
        dx = u * scale + placement.left - x
        dy = v * scale + placement.top - y
        # Relative to its size, so that what lies on a large thing is seen.
        distance = np.hypot(dx, dy) / max(radius * scale, 0.75 * canvas.patch)
        mine = (distance < 1) & (distance < nearest)
        nearest[mine] = distance[mine]
        classes[mine] = numbers
        offsets[mine] = np.stack([dx, dy], axis=1)[mine] / canvas.patch
    shown = placement.shown(canvas.patch)
    return SceneLabels(torch.from_numpy(classes), torch.from_numpy(offsets), torch.from_numpy(shown))


def _stacked(parts: list[SceneLabels]) -> SceneLabels:
    return SceneLabels(
        torch.stack([part.classes for part in parts]),
        torch.stack([part.offsets for part in parts]),
        torch.stack([part.shown for part in parts]),
    )


def _padded(rows: list[list[int]], filling: int = 0) -> Tensor:
    result = torch.full((len(rows), max(map(len, rows))), filling, dtype=torch.long)
    for row, values in zip(result, rows, strict=True):
        row[: len(values)] = torch.tensor(values)
    return result
