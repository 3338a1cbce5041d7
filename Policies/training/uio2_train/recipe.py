"""A recipe: what is said of a policy in its one YAML file, from the data to how it is judged (``recipe_file`` reads it)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CameraRecipe:
    """A camera of the policy."""

    name: str
    """As the robot calls it."""
    source: str
    """As the dataset calls it."""
    input: str = "image"
    """``image`` (exactly one camera) or ``image_history``."""
    width: int | None = None
    """Pixels that the robot sends; the dataset's when left out."""
    height: int | None = None
    vertical_field_of_view_degrees: float | None = None
    earlier_frames: int = 0
    """Of the image camera: how many frames of earlier answers the policy sees."""


@dataclass(frozen=True)
class NumbersRecipe:
    """The state or the action: names, units, ranges."""

    key: str | None = None
    """The feature of a LeRobot dataset, when it is not ``observation.state`` or ``action``."""
    rename: dict[str, str] = field(default_factory=dict)
    """The dataset's name of a dimension to the robot's."""
    use: list[str] | None = None
    """Which dimensions, by the robot's names; all when left out. An action is used whole."""
    units: dict[str, str] = field(default_factory=dict)
    """The unit of each dimension that the dataset does not say. ``1`` is a bare number."""
    roles: dict[str, str] = field(default_factory=dict)
    """Of actions: ``translation_x`` … ``gripper``; ``other`` when left out."""
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """In place of what the data say."""
    tolerances: dict[str, float] = field(default_factory=dict)
    """Of the state: how far outside its range a measured value may lie before the observation is refused; the daemon's
    default is 5 % of the range."""
    quantiles: tuple[float, float] = (0.001, 0.999)
    """Where a range from the data begins and ends."""
    margin: float = 0.05
    """Of a range from the data, added at both ends."""


@dataclass(frozen=True)
class ActionRecipe(NumbersRecipe):
    """What the policy says."""

    mode: str | None = None
    """``delta`` or ``absolute``: what the dataset's actions are. It must be said. ``pick_and_place``: sentences."""
    frame: str = "base"
    chunk_length: int = 4
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of a dimension, as in ``policy.json``: ``position``, ``maximum_rate_per_s``, ``maximum_jump``."""
    measured_by: dict[str, str] = field(default_factory=dict)
    """The state that measures a dimension, where the names differ."""
    plan_key: str | None = None
    """A feature with the expert's plan from each state, [steps * actions]; successive actions when left out."""
    margin: float = 0.0
    """An action beyond what was demonstrated is not wanted."""


@dataclass(frozen=True)
class AugmentationRecipe:
    """What is varied while training."""

    shift: int = 4
    """Pixels each way, the border repeated."""
    brightness: float = 0.1
    contrast: float = 0.1
    saturation: float = 0.1
    """Each factor is drawn from 1 - x to 1 + x (brightness is added, as a share of white)."""
    channels: float = 0.0
    """Of sentences: how often the colours of all pictures of a demonstration are exchanged for one another."""
    state_dropout: float = 0.1
    """How often the state is hidden, so that pictures are looked at."""


@dataclass(frozen=True)
class DataRecipe:
    """What is learnt from."""

    datasets: list[str]
    held_out: float = 0.05
    """The share of episodes that only validation sees."""
    augmentation: AugmentationRecipe = field(default_factory=AugmentationRecipe)
    instructions: dict[str, list[str]] = field(default_factory=dict)
    """Further wordings of the dataset's instructions."""
    weights: dict[str, float] = field(default_factory=dict)
    """How much more often samples of a dataset (by its entry in ``datasets``) are drawn; 1 when left out."""


@dataclass(frozen=True)
class AudioRecipe:
    """Spoken instructions."""

    speech: str
    """A folder of recordings of the data's instructions, as ``speak`` makes them."""
    name: str = "instruction"
    maximum_duration_s: float = 4.0
    share: float = 0.5
    """Of the batches whose instructions are spoken; in the others they are words."""
    vision: tuple[int, int, int, int] = (96, 3, 192, 3)
    """Width, heads, MLP and layers (2 at least) of the audio transformer of a model that is not a released one."""


@dataclass(frozen=True)
class PictureTokenizerRecipe:
    """The small VQGAN of a model that writes pictures, where ``start`` brings none."""

    size: int = 64
    """Pixels of a side of the pictures that it writes; 8 pixels a side are one code."""
    codes: int = 256
    channels: int = 32
    multipliers: tuple[int, int, int, int] = (1, 1, 2, 2)
    blocks: int = 1
    width: int = 8
    """Of a code."""
    steps: int = 3000
    batch: int = 16
    rate: float = 1e-3


@dataclass(frozen=True)
class ModelRecipe:
    """The model: a checkpoint to go on from, or the sizes of a small one."""

    start: str | None = None
    """A checkpoint's folder, such as the release's as ``uio2 import`` writes it."""
    extend: bool = False
    """Whether what the policy reads and writes and ``start`` does not is added to it, with new weights."""
    pictures: PictureTokenizerRecipe = field(default_factory=PictureTokenizerRecipe)
    tokenizer: str | None = None
    """A SentencePiece model; the release's is LLaMA's. One is trained on the instructions when left out."""
    vocabulary: int = 640
    """Pieces of a tokeniser that is trained, before the location tokens."""
    width: int = 256
    heads: int = 4
    hidden: int = 512
    layers: tuple[int, int] = (2, 2)
    vision: tuple[int, int, int, int] = (192, 3, 384, 4)
    """Width, heads, MLP and layers of the vision transformer."""
    latents: int = 16
    """Tokens of a history frame."""
    image_size: tuple[int, int] | None = None
    """(height, width) of the image's canvas, multiples of 16; the camera's size rounded up when left out."""
    history_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class WhereRecipe:
    """The question where things are: a second answer on the same encoding, which shapes the encoder."""

    key: str
    """A feature with positions of each step."""
    weight: float = 0.5
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class DenoisingRecipe:
    """The multimodal mixture of denoisers as an auxiliary loss, on the data's own words and frames."""

    weight: float = 0.1
    share: float = 0.25
    """Examples of it, as a share of the batch."""
    text: float = 1.0
    image: float = 0.0
    """How the examples are shared out among modalities. ``image`` needs a model that writes pictures."""
    masked_patches: float = 0.5
    """Patches that [R] hides from the encoder."""
    dynamic_mask: bool = False
    """Whether the decoder is kept from seeing the tokens that it must restore, as in the paper; the released code
    never does it."""


@dataclass(frozen=True)
class NextFrameRecipe:
    """The frame after the chunk as a picture, the paper's robot task. Needs a model that writes pictures."""

    weight: float = 0.1
    share: float = 0.25
    ahead: int | None = None
    """Recorded steps; as far as the next answer when left out."""


@dataclass(frozen=True)
class PointRecipe:
    """The question where the said goal is, asked of the model alone: ``POINT_PROMPT``, image, instruction."""

    key: str
    """A feature with row and column of the image camera's frame, 0..1, of each point of the answer."""
    weight: float = 0.2
    share: float = 0.25


@dataclass(frozen=True)
class TranscriptionRecipe:
    """What was said, in words, from the sound alone; it teaches the audio transformer what to listen to."""

    weight: float = 0.3
    share: float = 0.5


@dataclass(frozen=True)
class SeeingRecipe:
    """Of sentences, where the data say what is to be seen: what each patch of a picture shows."""

    weight: float = 0.3
    """Of what it is and where its middle is."""
    named: float = 0.5
    """Of which picture of the prompt shows it."""


@dataclass(frozen=True)
class ObjectivesRecipe:
    """What is asked of the model."""

    smoothing_bins: float = 8.0
    """Deviation, in bins of 1000, of the Gaussian that a target location is spread over."""
    first_step_weight: float = 2.0
    """Of the chunk's first action, beside 1 for the others."""
    where: WhereRecipe | None = None
    denoising: DenoisingRecipe | None = None
    next_frame: NextFrameRecipe | None = None
    point: PointRecipe | None = None
    transcription: TranscriptionRecipe | None = None
    seeing: SeeingRecipe | None = None


@dataclass(frozen=True)
class LoRARecipe:
    """Low-rank adapters in place of whole matrices."""

    rank: int = 16
    alpha: float = 32.0
    also: list[str] = field(default_factory=lambda: ["modality_embedding", "norm", "scale"])
    """Parts of names of weights that are trained whole besides."""


@dataclass(frozen=True)
class TrainingRecipe:
    """How long, how fast, on what."""

    steps: int | None = None
    minutes: float | None = None
    """One of the two; the learning rate's cosine follows it."""
    batch: int = 64
    slices: int = 4
    """On a CPU: parts of a batch that threads share out. Elsewhere: steps that a gradient is gathered over."""
    threads: int = 2
    muon_rate: float = 0.02
    adam_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up_steps: int = 150
    gradient_norm: float = 1.0
    average_decay: float = 0.998
    """Of the running average of the weights, which is what is exported."""
    precision: str = "f32"
    """``f32``, or ``bf16`` for the computation on a GPU."""
    lora: LoRARecipe | None = None
    train: list[str] | None = None
    """Beginnings of names of weights that are trained; all but the tokenisers of pictures and sounds when left out."""
    checkpoint_seconds: float = 180.0
    seed: int = 0


@dataclass(frozen=True)
class EvaluationRecipe:
    """How the policy is judged in closed loop: ``uio2 rollout``."""

    environment: str
    """Such as ``metaworld:drawer-close-v3``."""
    episodes: int = 20
    seed: int = 1000
    maximum_steps: int | None = None


@dataclass(frozen=True)
class Recipe:
    """The whole file."""

    name: str
    data: DataRecipe
    cameras: list[CameraRecipe]
    action: ActionRecipe
    state: NumbersRecipe = field(default_factory=NumbersRecipe)
    """Required but for sentences, which need none."""
    description: str = ""
    prompt: str = "{instruction} State: {state}"
    control: dict[str, Any] = field(default_factory=dict)
    """Keys of ``control`` in ``policy.json``; rate and hold follow from the data when left out."""
    policy: dict[str, Any] = field(default_factory=dict)
    """Further keys of ``policy.json``, such as ``limits``."""
    model: ModelRecipe = field(default_factory=ModelRecipe)
    audio: AudioRecipe | None = None
    objectives: ObjectivesRecipe = field(default_factory=ObjectivesRecipe)
    training: TrainingRecipe = field(default_factory=lambda: TrainingRecipe(minutes=30.0))
    evaluation: EvaluationRecipe | None = None
    folder: Path = Path(".")
    """Of the file; not a key."""

    def path(self, name: str) -> Path:
        """A path of the file, which is relative to it."""
        return (self.folder / name).resolve()
