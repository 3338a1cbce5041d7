"""From a recipe to everything that training, exporting and judging need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..data.demonstrations import Demonstrations, open_dataset
from ..data.lerobot import LeRobotDemonstrations
from ..data.samples import Sampler, split_episodes
from ..data.speech import SpeechLibrary
from ..data.store import EpisodeStore
from ..errors import TrainingError
from ..model import Configuration, UnifiedIO, load_model
from ..model.presets import policy, small_audio_transformer, small_picture_tokenizer
from ..objectives import StepBatches, TrainingStep
from ..recipe import Recipe
from ..specification import Plan, make_plan
from ..tokenizer import Tokenizer, train_vocabulary
from .sentences import PICK_AND_PLACE, PreparedSentences, prepare_sentences
from .validation import validate
from .weights import initialise


@dataclass
class Prepared:
    """A policy before it is trained."""

    recipe: Recipe
    datasets: list[Demonstrations]
    plan: Plan
    tokenizer: Tokenizer
    vocabulary: bytes
    """The tokeniser's file."""
    model: UnifiedIO
    validation = "actions on held-out episodes, the error as a share of the range"

    @property
    def document(self) -> dict[str, Any]:
        """``policy.json``."""
        return self.plan.document

    def step(self) -> TrainingStep:
        """The module that is trained."""
        plan = self.plan
        actions = len(plan.action) * self.recipe.action.chunk_length
        return TrainingStep(self.recipe, self.model, self.tokenizer, actions, len(plan.action), len(plan.where))

    def batches(self, sampler: Sampler) -> StepBatches:
        """What it is trained on."""
        return StepBatches(self.recipe, sampler, self.model)

    def validate(self, sampler: Sampler) -> dict[str, float]:
        """Figures of the model on held-out episodes, by name."""
        return {"held_out_error": validate(self.model, sampler, self.tokenizer)}

    def samplers(self, cache: Path | None, report: Callable[[str], None]) -> tuple[Sampler, Sampler | None]:
        """Of the episodes to train on, and of those held out (none where nothing is)."""
        store = EpisodeStore(self.recipe, self.plan, self.datasets, cache, report)
        parts = split_episodes(len(store.episodes), self.recipe.data.held_out)
        speech = None
        if self.recipe.audio is not None:
            speech = SpeechLibrary(self.recipe.path(self.recipe.audio.speech))
            speech.require(self.plan.instructions)
        train, held_out = (
            Sampler(self.recipe, store, self.tokenizer, self.model.configuration, part, speech) if part else None
            for part in parts
        )
        assert train is not None
        return train, held_out


def open_datasets(recipe: Recipe) -> list[Demonstrations]:
    """The recipe's datasets, with its keys of state and action."""
    result = []
    for name in recipe.data.datasets:
        path = recipe.path(name)
        dataset = open_dataset(path)
        if isinstance(dataset, LeRobotDemonstrations) and (recipe.state.key or recipe.action.key):
            keys = recipe.state.key or "observation.state", recipe.action.key or "action"
            dataset = LeRobotDemonstrations(path, *keys)
        result.append(dataset)
    if not result:
        raise TrainingError("invalid_recipe", "data.datasets", "expected at least one dataset, found none")
    return result


def _canvas(height: int, width: int) -> tuple[int, int]:
    return -(-height // 16) * 16, -(-width // 16) * 16


def wants_pictures(recipe: Recipe) -> bool:
    """Whether an objective makes the model write pictures."""
    denoising = recipe.objectives.denoising
    return recipe.objectives.next_frame is not None or (denoising is not None and denoising.image > 0)


def _configuration(recipe: Recipe, plan: Plan, vocabulary: int) -> Configuration:
    """A small model's, from the recipe's sizes."""
    sizes, camera = recipe.model, plan.image_camera
    image = sizes.image_size or _canvas(camera.height or 0, camera.width or 0)
    history = sizes.history_size
    if history is None and plan.history_cameras:
        history = _canvas(plan.history_cameras[0].height or 0, plan.history_cameras[0].width or 0)
    targets = ("text", "image") if wants_pictures(recipe) else ("text",)
    document = policy(
        vocabulary, image, history, sizes.width, sizes.heads, sizes.hidden, sizes.layers, sizes.vision, sizes.latents,
        max(plan.history_frames, 1), targets,
    )  # fmt: skip
    if not plan.history_frames:
        document["input_modalities"] = ["text", "image"]
    return Configuration.of(_with_parts(recipe, document))


def _with_parts(recipe: Recipe, document: dict[str, Any]) -> dict[str, Any]:
    """A small model's configuration with the audio input and the picture tokeniser that the recipe wants."""
    result = dict(document)
    if recipe.audio is not None and "audio" not in document["input_modalities"]:
        result["input_modalities"] = [*document["input_modalities"], "audio"]
        result["audio_vit_cfg"] = small_audio_transformer(*recipe.audio.vision)
    if wants_pictures(recipe) and ("image" not in document["target_modalities"] or not recipe.model.extend):
        sizes = recipe.model.pictures
        codes = (sizes.size // 8) ** 2
        result["target_modalities"] = list(dict.fromkeys([*document["target_modalities"], "image"]))
        result["image_vqgan"] = small_picture_tokenizer(
            sizes.size, sizes.codes, sizes.channels, sizes.multipliers, sizes.blocks, sizes.width
        )
        # The distance of image patches in the rotary table follows from this length: it stays what it was.
        made_for = document["t5_config"]["decoder_max_image_length"]
        if recipe.model.extend and codes != made_for:
            message = f"expected pictures of {8 * round(made_for**0.5)} pixels, which start was made for"
            raise TrainingError("invalid_recipe", "model.pictures.size", message)
        result["t5_config"] = document["t5_config"] | {
            "image_vocab_size": sizes.codes + 32, "default_image_size": [sizes.size, sizes.size],
            "decoder_max_image_length": codes,
        }  # fmt: skip
    return result


def load_pictures(model: UnifiedIO, file: Path) -> bool:
    """Takes over a tokeniser of pictures that ``pictures`` has trained; whether there is one."""
    if "image" not in model.configuration.target_modalities or not file.is_file():
        return False
    from safetensors.torch import load_file

    model.tokenizer("image").load_state_dict(load_file(file))
    return True


def extended(recipe: Recipe, start: Path, tokenizer: Tokenizer) -> UnifiedIO:
    """The checkpoint at ``start`` with further modalities, whose weights begin anew."""
    known = load_model(start)
    document = _with_parts(recipe, dict(known.configuration.document))
    torch.manual_seed(recipe.training.seed)
    model = UnifiedIO(Configuration.of(document), tokenizers=wants_pictures(recipe))
    initialise(model, tokenizer)
    weights = known.state_dict()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name in weights and weights[name].shape == tensor.shape:
                tensor.copy_(weights[name])
    return model


def _restricted(recipe: Recipe, plan: Plan, start: Path) -> Configuration:
    """The checkpoint's configuration without the modalities that the policy does not use."""
    full = Configuration.load(start / "config.json")
    inputs = ["text", "image"] + (["image_history"] if plan.history_frames else [])
    inputs += ["audio"] if recipe.audio is not None else []
    targets = ["text"] + (["image"] if wants_pictures(recipe) else [])
    for kind, wanted, there in (
        ("input_modalities", inputs, full.input_modalities), ("target_modalities", targets, full.target_modalities)
    ):  # fmt: skip
        missing = [name for name in wanted if name not in there]
        if missing:
            message = f"the policy needs {missing[0]}, which the checkpoint's {kind} leave out; start from another one"
            raise TrainingError("unsupported_modality", str(start), message)
    if plan.history_frames > full.history_frames:
        message = (
            f"the policy shows {plan.history_frames} frames of history, the checkpoint reads {full.history_frames}"
        )
        raise TrainingError("unsupported_modality", str(start), message)
    return Configuration.of(full.document | {"input_modalities": inputs, "target_modalities": targets})


def prepare(recipe: Recipe, vocabulary: bytes | None = None) -> Prepared | PreparedSentences:
    """Opens the data and builds (or loads) the model.

    Args:
        recipe: of the policy.
        vocabulary: the tokeniser of a run that goes on.
    """
    if recipe.action.mode == PICK_AND_PLACE:
        return prepare_sentences(recipe, vocabulary)
    datasets = open_datasets(recipe)
    plan = make_plan(recipe, datasets)
    if vocabulary is None:
        if recipe.model.tokenizer is not None:
            vocabulary = recipe.path(recipe.model.tokenizer).read_bytes()
        elif recipe.model.start is not None:
            message = (
                "a checkpoint needs the tokeniser that it was trained with; name its file (the release's is LLaMA's)"
            )
            raise TrainingError("invalid_recipe", "model.tokenizer", message)
        else:
            said = [*plan.instructions, *(text for more in recipe.data.instructions.values() for text in more)]
            vocabulary = train_vocabulary(said, recipe.model.vocabulary)
    tokenizer = Tokenizer(vocabulary)
    if recipe.model.start is not None:
        start = recipe.path(recipe.model.start)
        if recipe.model.extend:
            model = extended(recipe, start, tokenizer)
        else:
            model = load_model(start, _restricted(recipe, plan, start))
        rows = model.text_token_embedder.num_embeddings
        if tokenizer.size > rows:
            message = (
                f"has {tokenizer.size} pieces, the checkpoint embeds {rows}; give the tokeniser it was trained with"
            )
            raise TrainingError("invalid_tokenizer", "model.tokenizer", message)
    else:
        torch.manual_seed(recipe.training.seed)
        model = UnifiedIO(_configuration(recipe, plan, tokenizer.padded_size), tokenizers=wants_pictures(recipe))
        initialise(model, tokenizer)
    return Prepared(recipe, datasets, plan, tokenizer, vocabulary, model)
