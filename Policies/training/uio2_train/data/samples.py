"""Batches: prompts, patches and targets of drawn steps.

The batch of a training step follows from the seed and the step alone, so that training goes on exactly where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..model import Configuration, Inputs, Patches
from ..recipe import Recipe
from ..tokenizer import Tokenizer, location_text
from .augmentation import augmented
from .pictures import Placement, normalise, on_canvas, patchify
from .speech import SpeechLibrary, sound_patches
from .store import EpisodeStore, StoredEpisode


@dataclass
class Batch:
    """Drawn steps."""

    inputs: Inputs
    action_bins: Tensor
    """int64 ``[b, chunk * a]``."""
    where_bins: Tensor
    """int64 ``[b, w]``."""
    steps: list[tuple[int, int]]
    """Episode and step of each."""

    def __len__(self) -> int:
        return len(self.action_bins)

    def to(self, device: torch.device) -> Batch:
        """On a device."""
        return Batch(
            move_inputs(self.inputs, device), self.action_bins.to(device), self.where_bins.to(device), self.steps
        )


def move_inputs(inputs: Inputs, device: torch.device) -> Inputs:
    """Inputs on a device."""

    def moved(patches: Patches | None) -> Patches | None:
        if patches is None:
            return None
        parts = (patches.values, patches.mask, patches.positions)
        return Patches(*(None if part is None else part.to(device) for part in parts))  # type: ignore[arg-type]

    parts = [moved(getattr(inputs, name)) for name in ("image", "image_history", "audio", "audio_history")]
    return Inputs(inputs.text.to(device), *parts)


class Canvas:
    """Frames to normalised patches of an input modality."""

    def __init__(self, configuration: Configuration, modality: str) -> None:
        t5 = configuration.t5
        self.patch = t5.image_vit_patch_size
        size = t5.default_image_vit_size if modality == "image" else t5.default_image_history_vit_size
        self.size = (size[0], size[1])

    @property
    def count(self) -> int:
        """Patches of a frame."""
        return self.size[0] * self.size[1] // self.patch**2

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A frame, uint8 or float32 in 0..255, to patches with values 0..1 ``[p, v]`` and their mask ``[p]``."""
        placement = Placement.fit((frame.shape[0], frame.shape[1]), self.size)
        return patchify(on_canvas(frame, placement), self.patch), placement.shown(self.patch)


def stack_patches(frames: list[list[np.ndarray]], canvas: Canvas, slots: int) -> Patches:
    """Frames of examples as ``[b, slots, p, v]``; slots without a frame are masked."""
    values = np.zeros((len(frames), slots, canvas.count, canvas.patch**2 * 3), dtype=np.float32)
    mask = np.zeros(values.shape[:3], dtype=bool)
    for row, pictures in enumerate(frames):
        for slot, picture in enumerate(pictures):
            values[row, slot], mask[row, slot] = canvas(picture)
    shown = None if mask.all() else torch.from_numpy(mask)
    return Patches(normalise(torch.from_numpy(values)), shown)


def squeeze_slot(patches: Patches) -> Patches:
    """One frame an example, without the frame axis."""
    return Patches(patches.values[:, 0], None if patches.mask is None else patches.mask[:, 0])


class Sampler:
    """Draws and prepares steps.

    Args:
        recipe: of the policy.
        store: its episodes.
        tokenizer, configuration: of its model.
        episodes: which episodes may be drawn.
        speech: recordings of the instructions; none: they are words.
    """

    def __init__(
        self,
        recipe: Recipe,
        store: EpisodeStore,
        tokenizer: Tokenizer,
        configuration: Configuration,
        episodes: list[int],
        speech: SpeechLibrary | None = None,
    ) -> None:
        self.speech = speech
        self._recipe, self.store, self.tokenizer, self._plan = recipe, store, tokenizer, store.plan
        self._stride = store.plan.stride
        self.steps = [(index, step) for index in episodes for step in range(len(store.episodes[index]))]
        self.image = Canvas(configuration, "image")
        self.history = Canvas(configuration, "image_history")
        weights = [recipe.data.weights.get(name, 1.0) for name in recipe.data.datasets]
        drawn = np.array([weights[store.episodes[index].dataset] for index, _ in self.steps], dtype=np.float64)
        self._chances = None if np.ptp(drawn) == 0 else drawn / drawn.sum()
        longest = [self._prompt(text, np.zeros(len(self._plan.state))) for text in self._wordings()]
        self._length = min(max(len(ids) for ids in longest), configuration.t5.encoder_max_text_length)
        self._limit = configuration.t5.encoder_max_text_length
        first = tokenizer.base
        self._locations = (first, first + 1000)

    def _wordings(self) -> list[str]:
        """Every sentence that may be said."""
        return [text for said in self._plan.instructions for text in (said, *self._recipe.data.instructions.get(said, []))]

    def _prompt(self, instruction: str, state: np.ndarray) -> list[int]:
        return self.tokenizer.prompt(prompt_text(self._recipe.prompt, instruction, self._plan.state.bins(state)))

    def __len__(self) -> int:
        return len(self.steps)

    def draw(self, random: np.random.Generator, count: int) -> list[tuple[int, int]]:
        """Steps of a random batch."""
        picked = random.choice(len(self.steps), count, p=self._chances)
        return [self.steps[index] for index in picked]

    def frames(self, episode: StoredEpisode, step: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """The image and the frames of image history: other cameras, then earlier frames, oldest first."""
        store, camera = self.store, self._plan.image_camera
        history = [store.frame(episode, step, part.name) for part in self._plan.history_cameras]
        earlier = [step - self._stride * back for back in range(camera.earlier_frames, 0, -1)]
        history += [store.frame(episode, place, camera.name) for place in earlier if place >= 0]
        return store.frame(episode, step, camera.name), history

    def batch(self, steps: list[tuple[int, int]], random: np.random.Generator | None = None) -> Batch:
        """The steps as a batch; with random numbers, augmented, and now and then spoken."""
        spoken = random is not None and self._is_spoken(random)
        texts = torch.zeros(len(steps), self._length, dtype=torch.long)
        images: list[list[np.ndarray]] = []
        histories: list[list[np.ndarray]] = []
        chunks, wheres = [], []
        for row, (index, step) in enumerate(steps):
            episode = self.store.episodes[index]
            ids = torch.tensor(self._text(episode, step, random, spoken)[: self._length])
            texts[row, : len(ids)] = ids
            image, history = self.frames(episode, step)
            if random is not None:
                image = augmented(image, self._recipe.data.augmentation, random)
                history = [augmented(frame, self._recipe.data.augmentation, random) for frame in history]
            images.append([image])
            histories.append(history)
            chunks.append(episode.chunks[step])
            wheres.append(episode.where[step])
        audio = None
        if spoken and random is not None:
            audio = self.sounds([self.store.episodes[index].instructions[step] for index, step in steps], random)
            texts = texts[:, : max(1, int((texts != 0).any(0).nonzero().max()) + 1)]
        slots = self._plan.history_frames
        history_patches = stack_patches(histories, self.history, slots) if slots else None
        image_patches = squeeze_slot(stack_patches(images, self.image, 1))
        return Batch(
            Inputs(texts, image_patches, history_patches, audio),
            torch.from_numpy(self._plan.action.bins(np.stack(chunks))).flatten(1),
            torch.from_numpy(self._plan.where.bins(np.stack(wheres))) if len(self._plan.where) else torch.zeros(len(steps), 0, dtype=torch.long),
            steps,
        )

    def _is_spoken(self, random: np.random.Generator) -> bool:
        return self.speech is not None and self._recipe.audio is not None and random.random() < self._recipe.audio.share

    def sounds(self, instructions: list[str], random: np.random.Generator) -> Patches:
        """Somebody saying each instruction."""
        assert self.speech is not None and self._recipe.audio is not None
        clips = [self.speech.draw(instruction, random).samples for instruction in instructions]
        return sound_patches(clips, self._recipe.audio.maximum_duration_s)

    def _text(
        self, episode: StoredEpisode, step: int, random: np.random.Generator | None, spoken: bool = False
    ) -> list[int]:
        said = "" if spoken else episode.instructions[step]
        if random is None:
            return self._prompt(said, episode.state[step])
        wordings = [said, *self._recipe.data.instructions.get(said, [])]
        ids = self._prompt(wordings[int(random.integers(len(wordings)))], episode.state[step])
        if random.random() < self._recipe.data.augmentation.state_dropout:
            first, end = self._locations
            ids = [0 if first <= token < end else token for token in ids]  # hidden like padding, at its place
        return ids


def prompt_text(template: str, instruction: str, state: np.ndarray) -> str:
    """The prompt for state bins ``[s]``; what the instruction says is never read as a place of the template.

    An empty instruction is one that a sound says.
    """
    before, _, after = template.partition("{instruction}")
    if not instruction and (not before or before.endswith(" ")):
        after = after.removeprefix(" ")  # as the runtime has it where a sound says the instruction
    words = location_text(state)
    return before.replace("{state}", words) + instruction + after.replace("{state}", words)


def split_episodes(count: int, held_out: float, seed: int = 0) -> tuple[list[int], list[int]]:
    """Episodes to train on and those held out: at least one of each where there are two."""
    order = np.random.default_rng(seed).permutation(count).tolist()
    kept = min(max(round(count * held_out), 1 if held_out > 0 else 0), count - 1)
    return sorted(order[kept:]), sorted(order[:kept])
