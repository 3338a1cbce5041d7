"""The training step: the policy's own loss and the auxiliary ones, as one module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ..data import sounds
from ..data.pictures import target_picture
from ..data.samples import Batch, Sampler, move_inputs, squeeze_slot, stack_patches
from ..data.speech import sound_patches
from ..errors import TrainingError
from ..model import Inputs, Patches, Target, UnifiedIO, shift_right
from ..model.sequences import Encoded
from ..recipe import DenoisingRecipe, NextFrameRecipe, Recipe
from ..specification import BINS
from ..tokenizer import EOS, Tokenizer
from .cloning import END_WEIGHT, ActionCloning
from .denoising import TEXT_DENOISERS, code_mask, corrupt_text, dynamic_visibility, hide_patches
from .losses import cross_entropy
from .packing import pack_groups, pack_sequence, pack_targets

NEXT_FRAME_PROMPT = "An image of what will be seen next: {}"
POINT_PROMPT = "Where is the goal? {}"
TRANSCRIPTION_PROMPT = "What is said?"


@dataclass
class TextBatch:
    """Denoising examples: encoder ids ``[b, n]`` and answers."""

    inputs: Tensor
    targets: list[Tensor]


@dataclass
class MediaBatch:
    """Examples whose answer is a picture or a sound."""

    inputs: Inputs
    media: Tensor
    """Pictures ``[b, 3, h, w]`` in -1..1, or normalised spectrograms ``[b, bands, steps]``."""
    mask: Tensor
    """bool ``[b, codes]``: what shows something."""
    loss_mask: Tensor
    """bool ``[b, codes]``: what counts."""
    task_mask: Tensor
    """bool ``[b, codes]``: what must be restored while the rest is given."""
    modality: str = "image"


@dataclass
class AnswerBatch:
    """Questions about pictures or sounds whose answer is text."""

    inputs: Inputs
    answers: Tensor
    """Ids ``[b, t]``, EOS included; 0 is padding."""
    deviations: bool = False
    """Whether the answers are places, near which others count too."""


@dataclass
class StepBatch:
    """Everything that one training step learns from."""

    steps: Batch
    text: TextBatch | None = None
    denoised: MediaBatch | None = None
    next_frame: MediaBatch | None = None
    point: AnswerBatch | None = None
    transcription: AnswerBatch | None = None

    def to(self, device: torch.device) -> StepBatch:
        """On a device."""
        text = None
        if self.text is not None:
            text = TextBatch(self.text.inputs.to(device), [target.to(device) for target in self.text.targets])

        def moved(part: MediaBatch | None) -> MediaBatch | None:
            if part is None:
                return None
            media, mask = part.media.to(device), part.mask.to(device)
            loss_mask, task_mask = part.loss_mask.to(device), part.task_mask.to(device)
            return MediaBatch(move_inputs(part.inputs, device), media, mask, loss_mask, task_mask, part.modality)

        def asked(part: AnswerBatch | None) -> AnswerBatch | None:
            if part is None:
                return None
            return AnswerBatch(move_inputs(part.inputs, device), part.answers.to(device), part.deviations)

        return StepBatch(
            self.steps.to(device), text, moved(self.denoised), moved(self.next_frame), asked(self.point),
            asked(self.transcription),
        )  # fmt: skip


class StepBatches:
    """Makes the batches of ``TrainingStep``."""

    def __init__(self, recipe: Recipe, sampler: Sampler, model: UnifiedIO) -> None:
        self._recipe, self.sampler, self._tokenizer = recipe, sampler, sampler.tokenizer
        self._configuration = model.configuration
        self.grid = model.grid("image")
        t5 = model.configuration.t5
        self._canvas = (t5.default_image_size[0], t5.default_image_size[1])
        self._side = round(t5.decoder_max_image_length**0.5)

    def draw(self, random: np.random.Generator, count: int) -> StepBatch:
        """A random batch of ``count`` steps and what the auxiliary losses need besides."""
        drawn = self.sampler.draw(random, count)
        batch = StepBatch(self.sampler.batch(drawn, random))
        denoising, next_frame = self._recipe.objectives.denoising, self._recipe.objectives.next_frame
        if denoising is not None:
            examples = max(1, round(count * denoising.share))
            total = denoising.text + denoising.image
            pictures = round(examples * denoising.image / total) if total else 0
            if examples > pictures:
                batch.text = self._texts(self.sampler.draw(random, examples - pictures), random)
            if pictures:
                batch.denoised = self._pictures(self.sampler.draw(random, pictures), denoising, random)
        if next_frame is not None:
            examples = max(1, round(count * next_frame.share))
            batch.next_frame = self._next_frames(self.sampler.draw(random, examples), next_frame, random)
        point, transcription = self._recipe.objectives.point, self._recipe.objectives.transcription
        if point is not None:
            batch.point = self._points(self.sampler.draw(random, max(1, round(count * point.share))), random)
        if transcription is not None and self.sampler.speech is not None:
            batch.transcription = self._transcriptions(max(1, round(count * transcription.share)), random)
        return batch

    def _asked(
        self, prompt: str, kind: str, said: list[str], random: np.random.Generator
    ) -> tuple[Tensor, Patches | None]:
        """The prompt with the instructions in words, or without them and the instructions as sounds."""
        audio = self._recipe.audio
        if audio is None or self.sampler.speech is None or random.random() >= audio.share:
            return self._prompts([prompt.format(words) for words in said], kind), None
        return self._prompts([prompt.format("").strip()] * len(said), kind), self.sampler.sounds(said, random)

    def _answers(self, ids: list[list[int]]) -> Tensor:
        answers = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.long)
        for row, answer in zip(answers, ids, strict=True):
            row[: len(answer)] = torch.tensor(answer)
        return answers

    def _points(self, drawn: list[tuple[int, int]], random: np.random.Generator) -> AnswerBatch:
        """Where the said goal lies in the picture."""
        store, camera = self.sampler.store, self.sampler.store.plan.image_camera.name
        steps = [(store.episodes[index], step) for index, step in drawn]
        said = [episode.instructions[step] for episode, step in steps]
        text, audio = self._asked(POINT_PROMPT, "[Text] [S]", said, random)
        frames = [[store.frame(episode, step, camera)] for episode, step in steps]
        patches = squeeze_slot(stack_patches(frames, self.sampler.image, 1))
        places = np.stack([episode.points[step] for episode, step in steps])
        bins = np.floor(places.clip(0, 1) * 999).astype(np.int64)
        answers = [[*self._tokenizer.locations(row).tolist(), EOS] for row in bins]
        return AnswerBatch(Inputs(text, patches, audio=audio), self._answers(answers), deviations=True)

    def _transcriptions(self, count: int, random: np.random.Generator) -> AnswerBatch:
        """What is said."""
        speech, audio = self.sampler.speech, self._recipe.audio
        assert speech is not None and audio is not None
        names = self.sampler.store.plan.instructions
        clips = [speech.draw(names[int(random.integers(len(names)))], random) for _ in range(count)]
        heard = sound_patches([clip.samples for clip in clips], audio.maximum_duration_s)
        text = self._prompts([TRANSCRIPTION_PROMPT] * count, "[Text] [S]")
        return AnswerBatch(
            Inputs(text, audio=heard), self._answers([[*self._tokenizer.encode(clip.words), EOS] for clip in clips])
        )

    def _texts(self, drawn: list[tuple[int, int]], random: np.random.Generator) -> TextBatch:
        examples = []
        for episode, step in drawn:
            said = self.sampler.store.episodes[episode].instructions[step]
            denoiser = TEXT_DENOISERS[int(random.integers(len(TEXT_DENOISERS)))]
            tokens = self._tokenizer.encode(said)
            examples.append(
                corrupt_text(tokens if len(tokens) > 1 else [*tokens, *tokens], denoiser, self._tokenizer, random)
            )
        inputs = torch.zeros(len(examples), max(len(example.inputs) for example in examples), dtype=torch.long)
        for row, example in zip(inputs, examples, strict=True):
            row[: len(example.inputs)] = torch.tensor(example.inputs)
        return TextBatch(inputs, [torch.tensor(example.targets) for example in examples])

    def _target(self, frame: np.ndarray) -> tuple[Tensor, Tensor]:
        return target_picture(frame, self._canvas, self._canvas[0] // self._side)

    def _prompts(self, texts: list[str], kind: str) -> Tensor:
        limit = self._configuration.t5.encoder_max_text_length
        ids = [self._tokenizer.prompt(text, kind, limit) for text in texts]
        tokens = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.long)
        for row, prompt in zip(tokens, ids, strict=True):
            row[: len(prompt)] = torch.tensor(prompt)
        return tokens

    def _pictures(
        self, drawn: list[tuple[int, int]], recipe: DenoisingRecipe, random: np.random.Generator
    ) -> MediaBatch:
        """[R] of some frames; [S] makes the frame from the instruction, its patches all hidden."""
        store, camera = self.sampler.store, self.sampler.store.plan.image_camera.name
        frames = [store.frame(store.episodes[episode], step, camera) for episode, step in drawn]
        said = [store.episodes[episode].instructions[step] for episode, step in drawn]
        restores = bool(random.random() < 0.5)
        kind = "[Image] [R]" if restores else "[Image] [S]"
        text = self._prompts([f"An image of: {words}" for words in said], kind)
        pictures, masks = zip(*(self._target(frame) for frame in frames), strict=True)
        mask = torch.stack(masks)
        if not restores:
            return MediaBatch(Inputs(text), torch.stack(pictures), mask, mask, torch.zeros_like(mask))
        hidden = hide_patches(len(frames), self.grid, recipe.masked_patches, random)
        patches = squeeze_slot(stack_patches([[frame] for frame in frames], self.sampler.image, 1))
        shown = torch.from_numpy(~hidden)
        seen = Patches(patches.values, shown if patches.mask is None else patches.mask & shown)
        task = code_mask(hidden, self.grid, (self._side, self._side))
        return MediaBatch(Inputs(text, seen), torch.stack(pictures), mask, mask & task, task)

    def _next_frames(
        self, drawn: list[tuple[int, int]], recipe: NextFrameRecipe, random: np.random.Generator
    ) -> MediaBatch:
        """The frame that follows the chunk (the last one near the end), from the present one and the instruction."""
        store, camera = self.sampler.store, self.sampler.store.plan.image_camera.name
        ahead = recipe.ahead or store.plan.stride
        now, then, said = [], [], []
        for index, step in drawn:
            episode = store.episodes[index]
            now.append([store.frame(episode, step, camera)])
            then.append(store.frame(episode, min(step + ahead, len(episode) - 1), camera))
            said.append(episode.instructions[step])
        patches = squeeze_slot(stack_patches(now, self.sampler.image, 1))
        pictures, masks = zip(*(self._target(frame) for frame in then), strict=True)
        mask = torch.stack(masks)
        text, audio = self._asked(NEXT_FRAME_PROMPT, "[Image] [S]", said, random)
        inputs = Inputs(text, patches, audio=audio)
        return MediaBatch(inputs, torch.stack(pictures), mask, mask, torch.zeros_like(mask))


class TrainingStep(nn.Module):
    """The model with its losses; ``forward`` gives the total and its parts."""

    def __init__(
        self, recipe: Recipe, model: UnifiedIO, tokenizer: Tokenizer, actions: int, dimensions: int, where: int
    ) -> None:
        super().__init__()
        self.model = model
        objectives = recipe.objectives
        self.recipe = objectives
        self.cloning = ActionCloning(
            tokenizer, actions, dimensions, where, objectives.smoothing_bins, objectives.first_step_weight
        )
        wants = objectives.next_frame or (objectives.denoising and objectives.denoising.image)
        if wants and not hasattr(
            model.target_embedders["image"] if "image" in model.target_embedders else None, "vqgan"
        ):
            message = (
                "pictures as targets need a model that writes them, with its tokeniser; start from one that has it"
            )
            raise TrainingError("unsupported_modality", "objectives", message)

    def forward(self, batch: StepBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of all losses, and each of them."""
        encoded = self.model.encode(batch.steps.inputs)
        action, where = self.cloning(self.model, encoded, batch.steps.action_bins, batch.steps.where_bins)
        parts, total = {"action": action}, action
        if self.recipe.where is not None:
            parts["where"] = where
            total = total + self.recipe.where.weight * where
        if batch.text is not None and self.recipe.denoising is not None:
            parts["text"] = self.text_loss(batch.text)
            total = total + self.recipe.denoising.weight * parts["text"]
        if batch.denoised is not None and self.recipe.denoising is not None:
            parts["image"] = self.media_loss(batch.denoised, self.recipe.denoising.dynamic_mask)
            total = total + self.recipe.denoising.weight * parts["image"]
        if batch.next_frame is not None and self.recipe.next_frame is not None:
            parts["next_frame"] = self.media_loss(batch.next_frame)
            total = total + self.recipe.next_frame.weight * parts["next_frame"]
        if batch.point is not None and self.recipe.point is not None:
            parts["point"] = self.answer_loss(batch.point)
            total = total + self.recipe.point.weight * parts["point"]
        if batch.transcription is not None and self.recipe.transcription is not None:
            parts["transcription"] = self.answer_loss(batch.transcription)
            total = total + self.recipe.transcription.weight * parts["transcription"]
        return total, parts

    def answer_loss(self, batch: AnswerBatch) -> Tensor:
        """The cross-entropy of an answer in text, teacher-forced; places count as far as they are near."""
        encoded = self.model.encode(batch.inputs)
        logits = self.model.logits(self.model.decode(encoded, Target("text", shift_right(batch.answers))))
        if not batch.deviations:
            return cross_entropy(logits, batch.answers, batch.answers != 0)
        base = self.cloning.base
        places = batch.answers[:, :-1]
        log_probability = functional.log_softmax(logits.float(), dim=-1)
        locations = log_probability[:, :-1, base : base + BINS].flip(-1)
        near = -(self.cloning.get_buffer("smoothing")[base + BINS - 1 - places] * locations).sum(-1).mean()
        return near - END_WEIGHT * log_probability[:, -1, EOS].mean()

    def text_loss(self, batch: TextBatch, input_limit: int = 256, target_limit: int = 256) -> Tensor:
        """Denoising of text, packed in pairs."""
        sequence = self.model.embed_text(batch.inputs)
        lengths = sequence.mask.sum(1).tolist()
        groups = pack_groups(lengths, [len(target) for target in batch.targets], input_limit, target_limit)
        encoded = self.model.encode_sequence(pack_sequence(sequence, groups))
        ids, inputs, positions, segments = (
            part.to(batch.inputs.device) for part in pack_targets([target.cpu() for target in batch.targets], groups)
        )
        states = self.model.decode(encoded, Target("text", inputs, positions, segments=segments))
        return cross_entropy(self.model.logits(states), ids, segments >= 0)

    def media_loss(self, batch: MediaBatch, dynamic: bool = False) -> Tensor:
        """The answer as codes, teacher-forced."""
        return media_loss(self.model, batch, dynamic)


def media_loss(model: UnifiedIO, batch: MediaBatch, dynamic: bool = False) -> Tensor:
    """The cross-entropy of a picture's or a sound's codes, teacher-forced, where ``loss_mask`` counts them.

    ``dynamic`` keeps the decoder from seeing the codes that it must restore.
    """
    ids = model.target_ids(batch.modality, batch.media)
    encoded = cast(Encoded, model.encode(batch.inputs))
    visible = dynamic_visibility(batch.task_mask) if dynamic else None
    target = Target(batch.modality, shift_right(ids), visible=visible, mask=batch.mask)
    logits = model.logits(model.decode(encoded, target), batch.modality)
    return cross_entropy(logits, ids, batch.loss_mask)


def sound_batch(
    tokenizer: Tokenizer, words: str, mels: list[np.ndarray], masked: float, random: np.random.Generator
) -> MediaBatch:
    """[R] of sounds (power mel spectrograms ``[128, 256]``): ``masked`` of their patches are hidden; 1 is [S].

    For data with sounds, such as spoken instructions.
    """
    restores = masked < 1
    ids = torch.tensor(tokenizer.prompt(words, "[Audio] [R]" if restores else "[Audio] [S]"))
    text = ids.expand(len(mels), -1)
    media, masks = zip(*(sounds.target_spectrogram(mel) for mel in mels), strict=True)
    mask = torch.stack(masks)
    if not restores:
        return MediaBatch(Inputs(text), torch.stack(media), mask, mask, torch.zeros_like(mask), "audio")
    values, shown = zip(*(sounds.input_patches(mel) for mel in mels), strict=True)
    grid, codes = (16, 8), (32, 16)
    hidden = hide_patches(len(mels), grid, masked, random)
    seen = Patches(torch.stack(values), torch.stack(shown) & torch.from_numpy(~hidden))
    task = code_mask(hidden, grid, codes)
    return MediaBatch(Inputs(text, audio=seen), torch.stack(media), mask, mask & task, task, "audio")
