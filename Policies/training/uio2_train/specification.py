"""``policy.json``: made from a recipe and its data, and read again from a bundle."""

from __future__ import annotations

import json
import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .data.demonstrations import Demonstrations, Dimension
from .errors import TrainingError
from .recipe import ActionRecipe, AudioRecipe, CameraRecipe, NumbersRecipe, Recipe

BINS = 1000
MAXIMUM_HISTORY_FRAMES = 4
SCHEMA = Path(__file__).resolve().parents[2] / "policy.schema.json"
_DELTA_ROLES = ("translation", "rotation")


@dataclass(frozen=True)
class Quantity:
    """A number with its unit and the values of bins 0 and 999."""

    name: str
    unit: str
    minimum: float
    maximum: float
    role: str | None = None
    further: tuple[tuple[str, Any], ...] = ()
    """Other keys of ``policy.json``: a tolerance, limits."""

    def document(self) -> dict[str, Any]:
        """As in ``policy.json``."""
        parts: dict[str, Any] = {
            "name": self.name, "unit": self.unit, "minimum": self.minimum, "maximum": self.maximum
        }  # fmt: skip
        return parts | ({} if self.role is None else {"role": self.role}) | dict(self.further)


@dataclass(frozen=True)
class Quantities:
    """Numbers in order, as bins and back: exactly what the runtime computes."""

    parts: tuple[Quantity, ...]

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def limits(self) -> np.ndarray:
        """``[d, 2]``."""
        return np.array([[part.minimum, part.maximum] for part in self.parts]).reshape(-1, 2)

    def bins(self, values: np.ndarray) -> np.ndarray:
        """Values ``[..., d]`` to bins 0..999 (int64), rounding half up in float64; values outside are clipped."""
        minimum, maximum = self.limits.T
        unit = np.clip((np.asarray(values, dtype=np.float64) - minimum) / (maximum - minimum), 0.0, 1.0)
        return np.floor(unit * (BINS - 1) + 0.5).astype(np.int64)

    def values(self, bins: np.ndarray) -> np.ndarray:
        """Bins ``[..., d]`` to values (float64)."""
        minimum, maximum = self.limits.T
        return minimum + np.asarray(bins, dtype=np.float64) / (BINS - 1) * (maximum - minimum)


def outward(value: float, up: bool, digits: int = 4) -> float:
    """``value`` rounded to some digits, away from the range's middle."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
    rounded = (math.ceil if up else math.floor)(value / step - (1e-9 if up else -1e-9)) * step
    return float(f"{rounded:.{digits + 2}g}")


def ranged(
    values: np.ndarray, recipe: NumbersRecipe, names: list[str], kind: str, contains_zero: list[bool]
) -> list[tuple[float, float]]:
    """The range of each dimension: the recipe's, else quantiles of ``values`` ``[n, d]`` widened by the margin.

    Raises:
        TrainingError: ``constant_dimension``, by name.
    """
    ranges = []
    for column, name in enumerate(names):
        if name in recipe.ranges:
            minimum, maximum = recipe.ranges[name]
            if not minimum < maximum:
                raise TrainingError(
                    "invalid_recipe", f"{kind}.ranges.{name}", f"expected [least, most], found {[minimum, maximum]}"
                )
            ranges.append((minimum, maximum))
            continue
        low, high = np.quantile(values[:, column], recipe.quantiles)
        if contains_zero[column]:
            low, high = min(low, 0.0), max(high, 0.0)
        if high - low <= 1e-9 * max(abs(low), abs(high), 1e-6):
            message = (
                f"{name} is {values[0, column]:g} throughout, so it has no range; leave it out ({kind}.use) "
                f"or say its range ({kind}.ranges)"
            )
            raise TrainingError("constant_dimension", f"{kind} {name}", message)
        widening = recipe.margin * (high - low)
        ranges.append((outward(low - widening, up=False), outward(high + widening, up=True)))
    return ranges


def _named(dimensions: list[Dimension], recipe: NumbersRecipe, kind: str) -> list[tuple[int, str, str]]:
    """Column, robot's name and unit of each dimension that is used."""
    for name in recipe.rename:
        if name not in [dimension.name for dimension in dimensions]:
            raise TrainingError("unknown_dimension", f"{kind}.rename.{name}", f"the data have {_list(dimensions)}")
    named = [(column, recipe.rename.get(part.name, part.name), part.unit) for column, part in enumerate(dimensions)]
    known = [name for _, name, _ in named]
    for key in ("units", "ranges", "roles", "tolerances", "limits", "measured_by"):
        for name in getattr(recipe, key, ()):
            if name not in known:
                message = f"the data have no such dimension; they have {', '.join(known)}"
                raise TrainingError("unknown_dimension", f"{kind}.{key}.{name}", message)
    if recipe.use is not None:
        missing = [name for name in recipe.use if name not in known]
        if missing:
            raise TrainingError("unknown_dimension", f"{kind}.use", f"{missing[0]} is none of {', '.join(known)}")
        named = [next(row for row in named if row[1] == name) for name in recipe.use]
    result = []
    for column, name, said in named:
        unit = recipe.units.get(name, said)
        if unit is None:
            message = (
                f"the dataset does not say the unit of {name}; say it in the recipe as {kind}.units.{name}, or "
                f"--unit {name}=… when inspecting (m, rad, … or 1 for a bare number): it is never guessed"
            )
            raise TrainingError("missing_unit", f"{kind} {name}", message)
        result.append((column, name, unit))
    return result


def _further(name: str, keys: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What the recipe says of a dimension besides, by key."""
    return tuple((key, values[name]) for key, values in keys.items() if name in values)


def sentences(instructions: list[str]) -> list[str] | str:
    """The ``instructions`` of ``policy.json``: each once, whatever its case, white space and final punctuation.

    Too many or too long ones make it ``free``: the daemon then takes any sentence.
    """
    known: dict[str, str] = {}
    for text in instructions:
        key = " ".join(unicodedata.normalize("NFC", text).split()).lower()
        while key and (key[-1] == " " or unicodedata.category(key[-1]).startswith("P")):
            key = key[:-1]
        known.setdefault(key, text)
    fits = len(known) <= 256 and all(len(text) <= 256 for text in known.values())
    return list(known.values()) if fits else "free"


def _list(dimensions: list[Dimension]) -> str:
    return ", ".join(dimension.name for dimension in dimensions)


@dataclass(frozen=True)
class Plan:
    """What follows from a recipe and its data: the policy's numbers and where the data keep them."""

    state: Quantities
    state_columns: list[int]
    action: Quantities
    where: Quantities
    cameras: tuple[CameraRecipe, ...]
    """Their sizes filled in."""
    instructions: list[str]
    stride: int
    """Recorded steps from one answer to the next: earlier frames and next frames lie so far apart."""
    document: dict[str, Any]
    """``policy.json``."""

    @property
    def history_cameras(self) -> list[CameraRecipe]:
        """Those that are image history, in order."""
        return [camera for camera in self.cameras if camera.input == "image_history"]

    @property
    def image_camera(self) -> CameraRecipe:
        """The one that is the image."""
        return next(camera for camera in self.cameras if camera.input == "image")

    @property
    def history_frames(self) -> int:
        """Frames of image history at most."""
        return len(self.history_cameras) + self.image_camera.earlier_frames


def make_plan(recipe: Recipe, datasets: list[Demonstrations]) -> Plan:
    """Looks at the data.

    Raises:
        TrainingError: naming the dimension without a unit, the constant one, the camera that is missing, …
    """
    first = datasets[0]
    for other in datasets[1:]:
        for kind in ("state", "action"):
            ours, theirs = (_list(getattr(dataset, kind)) for dataset in (first, other))
            if ours != theirs:
                message = f"its {kind} is {theirs}, that of {first.path} is {ours}; train on one of them"
                raise TrainingError("datasets_differ", str(other.path), message)
        if abs(other.rate_hz - first.rate_hz) > 1e-6 * first.rate_hz:
            message = f"has {other.rate_hz:g} steps a second, {first.path} {first.rate_hz:g}; train on one of them"
            raise TrainingError("datasets_differ", str(other.path), message)
    episodes = [dataset.episode(index) for dataset in datasets for index in range(len(dataset))]
    states = np.concatenate([episode.state for episode in episodes])
    actions = np.concatenate([episode.action for episode in episodes])
    cameras = _cameras(recipe, datasets)

    named = _named(first.state, recipe.state, "state")
    columns, names = [column for column, _, _ in named], [name for _, name, _ in named]
    ranges = ranged(states[:, columns], recipe.state, names, "state", [False] * len(names))
    further = [_further(name, {"tolerance": recipe.state.tolerances}) for name in names]
    rows = zip(named, ranges, further, strict=True)
    state = Quantities(tuple(Quantity(name, unit, *limits, None, more) for (_, name, unit), limits, more in rows))

    action = _actions(recipe.action, first, actions)
    where = _where(recipe, datasets, episodes)
    instructions = list(dict.fromkeys(text for episode in episodes for text in episode.instructions))
    empty = [text for text in instructions if not text.strip()]
    if empty:
        message = "has steps without an instruction; the policy is told what to do in words"
        raise TrainingError("missing_instruction", str(first.path), message)
    document = _document(recipe, state, action, cameras, instructions, first.rate_hz)
    rate = float(document["control"]["rate_hz"])
    if recipe.action.plan_key is None and abs(rate - first.rate_hz) > 1e-3 * rate:
        message = (
            f"is {rate:g}, but the data have {first.rate_hz:g} actions a second; say action.plan_key, or leave it out"
        )
        raise TrainingError("rates_differ", "control.rate_hz", message)
    stride = max(1, round(recipe.action.chunk_length * first.rate_hz / rate))
    return Plan(state, columns, action, where, cameras, instructions, stride, document)


def _cameras(recipe: Recipe, datasets: list[Demonstrations]) -> tuple[CameraRecipe, ...]:
    import dataclasses

    images = [camera.name for camera in recipe.cameras if camera.input == "image"]
    if len(images) != 1:
        raise TrainingError(
            "invalid_recipe", "cameras", f"expected one camera whose input is image, found {len(images)}"
        )
    result = []
    for index, camera in enumerate(recipe.cameras):
        if camera.input not in ("image", "image_history"):
            message = f"expected image or image_history, found {camera.input!r}"
            raise TrainingError("invalid_recipe", f"cameras[{index}].input", message)
        sizes = [dataset.camera(camera.source) for dataset in datasets]
        result.append(
            dataclasses.replace(camera, width=camera.width or sizes[0].width, height=camera.height or sizes[0].height)
        )
    frames = sum(camera.input == "image_history" for camera in result) + sum(c.earlier_frames for c in result)
    if frames > MAXIMUM_HISTORY_FRAMES:
        message = f"expected at most {MAXIMUM_HISTORY_FRAMES} frames of image history, found {frames}"
        raise TrainingError("invalid_recipe", "cameras", message)
    return tuple(result)


def _actions(recipe: ActionRecipe, dataset: Demonstrations, actions: np.ndarray) -> Quantities:
    if recipe.mode not in ("delta", "absolute"):
        message = (
            f"expected delta or absolute, found {recipe.mode}; say what the dataset's actions are (inspect: --mode)"
        )
        raise TrainingError("missing_mode", "action.mode", message)
    if recipe.use is not None:
        raise TrainingError("invalid_recipe", "action.use", "an action is said whole; leave the key out")
    named = _named(dataset.action, recipe, "action")
    roles = [recipe.roles.get(name, "other") for _, name, _ in named]
    for (_, name, unit), role in zip(named, roles, strict=True):
        expected = {"translation": "m", "rotation": "rad"}.get(role.partition("_")[0])
        if expected is not None and unit != expected:
            raise TrainingError(
                "wrong_unit", f"action {name}", f"expected {expected} for the role {role}, found {unit}"
            )
    is_delta = recipe.mode == "delta"
    zero = [is_delta and role.startswith(_DELTA_ROLES) for role in roles]
    ranges = ranged(actions, recipe, [name for _, name, _ in named], "action", zero)
    keys = {"measured_by": recipe.measured_by, "limits": recipe.limits}
    return Quantities(
        tuple(
            Quantity(name, unit, *limits, role, _further(name, keys))
            for (_, name, unit), limits, role in zip(named, ranges, roles, strict=True)
        )
    )


def _where(recipe: Recipe, datasets: list[Demonstrations], episodes: list[Any]) -> Quantities:
    where = recipe.objectives.where
    if where is None:
        return Quantities(())
    for dataset in datasets:
        if where.key not in dataset.extras:
            known = ", ".join(dataset.extras) or "none"
            raise TrainingError("unknown_feature", where.key, f"{dataset.path} has no such positions; it has {known}")
    names = datasets[0].extras[where.key]
    values = np.concatenate([episode.extras[where.key] for episode in episodes])
    numbers = NumbersRecipe(ranges=where.ranges)
    kept = [index for index, name in enumerate(names) if name in where.ranges or np.ptp(values[:, index]) > 1e-9]
    if len(kept) < len(names):
        # Things that never move need no question, but the target's width must not change with the data.
        numbers = NumbersRecipe(
            ranges=where.ranges
            | {
                name: (float(values[0, i]) - 0.5, float(values[0, i]) + 0.5)
                for i, name in enumerate(names)
                if i not in kept
            }
        )
    limits = ranged(values, numbers, names, "where", [False] * len(names))
    return Quantities(tuple(Quantity(name, "m", *pair) for name, pair in zip(names, limits, strict=True)))


def camera_document(camera: CameraRecipe) -> dict[str, Any]:
    """A camera as in ``policy.json``."""
    part: dict[str, Any] = {
        "name": camera.name, "input": camera.input, "width": camera.width, "height": camera.height
    }  # fmt: skip
    if camera.vertical_field_of_view_degrees is not None:
        part["vertical_field_of_view_degrees"] = camera.vertical_field_of_view_degrees
    if camera.earlier_frames:
        part["earlier_frames"] = camera.earlier_frames
    return part


def audio_document(audio: AudioRecipe) -> dict[str, Any]:
    """What ``policy.json`` says of what is heard."""
    return {"name": audio.name, "maximum_duration_s": audio.maximum_duration_s, "replaces_instruction": True}


def policy_head(recipe: Recipe) -> dict[str, Any]:
    """What every ``policy.json`` begins with."""
    return {
        "$schema": "../policy.schema.json", "format_version": 1, "name": recipe.name,
        "description": recipe.description or f"{recipe.name}, trained by uio2_train.", "model": ".",
        "tokenizer": "tokenizer.model", "prompt": {"template": recipe.prompt},
    }  # fmt: skip


def _document(
    recipe: Recipe, state: Quantities, action: Quantities, cameras: tuple[CameraRecipe, ...], instructions: list[str],
    rate_hz: float,
) -> dict[str, Any]:  # fmt: skip
    schema = json.loads(SCHEMA.read_text())["properties"] if SCHEMA.is_file() else {}
    document = policy_head(recipe)
    if "instructions" in schema:
        further = [text for said in instructions for text in recipe.data.instructions.get(said, [])]
        document["instructions"] = sentences([*instructions, *further])
    if recipe.audio is not None:
        document["audio"] = audio_document(recipe.audio)
    numbers = len(action) * recipe.action.chunk_length
    if numbers > 511:
        message = f"expected at most 511 numbers in an answer, found {numbers}; shorten the chunk"
        raise TrainingError("invalid_recipe", "action.chunk_length", message)
    document |= {
        "cameras": [camera_document(camera) for camera in cameras],
        "proprioception": [part.document() for part in state.parts],
        "action_space": {
            "type": "continuous", "chunk_length": recipe.action.chunk_length, "frame": recipe.action.frame,
            "mode": recipe.action.mode, "dimensions": [part.document() for part in action.parts],
        },
        "control": {
            "rate_hz": rate_hz, "hold": "zero" if recipe.action.mode == "delta" else "repeat", "deadline_ms": 200
        } | recipe.control,
    }  # fmt: skip
    if "limits" not in recipe.policy and "oneOf" in schema.get("limits", {}):
        document["limits"] = "none"  # the daemon warns of it; a recipe for a real arm says them
    return document | recipe.policy
