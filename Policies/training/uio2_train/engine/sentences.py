"""From a recipe whose answers are sentences to everything that training and exporting need."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..data.sentences import MAXIMUM_PICTURES, SentenceDemonstrations, SentenceSampler, words_of
from ..data.speech import SpeechLibrary
from ..errors import TrainingError
from ..model import Configuration, UnifiedIO
from ..model.presets import policy, small_audio_transformer
from ..objectives.sentences import SentenceBatches, SentenceStep, validate_sentences
from ..recipe import Recipe
from ..specification import audio_document, camera_document, policy_head
from ..tokenizer import Tokenizer, train_vocabulary
from .weights import initialise

PICK_AND_PLACE = "pick_and_place"


@dataclass
class PreparedSentences:
    """A policy that says sentences, before it is trained."""

    recipe: Recipe
    demonstrations: SentenceDemonstrations
    tokenizer: Tokenizer
    vocabulary: bytes
    """The tokeniser's file."""
    model: UnifiedIO
    document: dict[str, Any]
    """``policy.json``."""
    validation = "held-out demonstrations (metres and radians off; near: within 2 cm; words that were open)"

    def samplers(
        self, cache: Path | None, report: Callable[[str], None]
    ) -> tuple[SentenceSampler, SentenceSampler | None]:
        """Of the demonstrations to train on, and of those held out (none where nothing is)."""
        parts = self.demonstrations.train, self.demonstrations.held_out
        report(f"{len(parts[0])} demonstrations to train on, {len(parts[1])} held out")
        speech = None
        if self.recipe.audio is not None:
            speech = SpeechLibrary(self.recipe.path(self.recipe.audio.speech))
            speech.require(sorted({words_of(sample.document) for part in parts for sample in part}))
        train, held_out = (
            SentenceSampler(self.recipe, self.demonstrations, part, self.tokenizer, self.model.configuration, speech)
            if part
            else None
            for part in parts
        )
        assert train is not None
        return train, held_out

    def step(self) -> SentenceStep:
        """The module that is trained."""
        labels = [len(names) for names in self.demonstrations.labels.values()]
        return SentenceStep(self.recipe, self.model, self.tokenizer.base, labels)

    def batches(self, sampler: SentenceSampler) -> SentenceBatches:
        """What it is trained on."""
        return SentenceBatches(sampler)

    def validate(self, sampler: SentenceSampler) -> dict[str, float]:
        """Figures of the model on held-out demonstrations, by name."""
        return validate_sentences(self.model, sampler)


def prepare_sentences(recipe: Recipe, vocabulary: bytes | None = None) -> PreparedSentences:
    """Opens the data and builds the model.

    Args:
        recipe: of the policy.
        vocabulary: the tokeniser of a run that goes on.

    Raises:
        TrainingError: ``invalid_recipe`` for what sentences cannot have, naming the key.
    """
    if len(recipe.data.datasets) != 1:
        raise TrainingError("invalid_recipe", "data.datasets", "expected one dataset of sentences")
    if recipe.model.start is not None:
        raise TrainingError("invalid_recipe", "model.start", "sentences are trained from scratch; leave the key out")
    demonstrations = SentenceDemonstrations(recipe.path(recipe.data.datasets[0]))
    cameras = [camera.source for camera in recipe.cameras]
    if cameras != [demonstrations.camera] or recipe.cameras[0].input != "image":
        message = f"expected one camera with the source {demonstrations.camera} and the input image, found {cameras}"
        raise TrainingError("invalid_recipe", "cameras", message)
    if vocabulary is None:
        said = dict.fromkeys(
            part for sample in demonstrations.train for part in sample.document["prompt"] if isinstance(part, str)
        )
        vocabulary = train_vocabulary(said, recipe.model.vocabulary)
    tokenizer = Tokenizer(vocabulary)
    sizes = recipe.model
    image = sizes.image_size or demonstrations.size
    torch.manual_seed(recipe.training.seed)
    configuration = policy(
        tokenizer.padded_size, image, sizes.history_size, sizes.width, sizes.heads, sizes.hidden, sizes.layers,
        sizes.vision, sizes.latents, MAXIMUM_PICTURES,
    )  # fmt: skip
    model = UnifiedIO(Configuration.of(_hearing(recipe, configuration)), tokenizers=False)
    initialise(model, tokenizer)
    return PreparedSentences(recipe, demonstrations, tokenizer, vocabulary, model, _document(recipe, demonstrations))


def _hearing(recipe: Recipe, configuration: dict[str, Any]) -> dict[str, Any]:
    """A small model's configuration, with an ear where the recipe wants one."""
    if recipe.audio is None:
        return configuration
    inputs = [*configuration["input_modalities"], "audio"]
    return configuration | {"input_modalities": inputs, "audio_vit_cfg": small_audio_transformer(*recipe.audio.vision)}


def _document(recipe: Recipe, demonstrations: SentenceDemonstrations) -> dict[str, Any]:
    """``policy.json``: what a policy that picks and places says of itself."""
    height, width = demonstrations.size
    camera = dataclasses.replace(recipe.cameras[0], width=width, height=height)
    ranges = demonstrations.ranges
    document = policy_head(recipe) | {
        "instructions": "free",
        "cameras": [camera_document(camera)],
        "proprioception": [],
        "action_space": {
            "type": PICK_AND_PLACE, "maximum_steps": demonstrations.maximum_steps,
            "x": list(ranges.x), "y": list(ranges.y),
        },
        "control": {"hold": "zero"} | recipe.control,
    }  # fmt: skip
    if recipe.audio is not None:
        document["audio"] = audio_document(recipe.audio)
    if "rate_hz" not in recipe.control or "deadline_ms" not in recipe.control:
        message = "expected rate_hz, primitives a second, and deadline_ms, which all steps of an answer must fit into"
        raise TrainingError("invalid_recipe", "control", message)
    return document | ({"limits": "none"} if "limits" not in recipe.policy else {}) | recipe.policy
