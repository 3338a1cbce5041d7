"""Compares a body with what a daemon drives, and translates between the two.

A robot that disagrees with its policy must not move: a missing camera, a unit, a range or a rate that differs makes
every action wrong in a way that no later check can see.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from uio2_client import uio2_pb2 as pb

from .environment import Quantity, Specification

_RELATIVE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Disagreement:
    """One point in which body and policy differ."""

    code: str
    subject: str
    message: str


class Disagreed(Exception):
    """Body and policy do not fit each other. ``points`` says where, at least one."""

    def __init__(self, points: Sequence[Disagreement]) -> None:
        super().__init__("; ".join(f"{point.subject}: {point.message}" for point in points))
        self.points = tuple(points)


@dataclass(frozen=True)
class CameraRequest:
    """A picture that the policy wants with every observation."""

    camera: str
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    vertical_field_of_view: float
    """Degrees; 0: the camera's own."""


class Agreement:
    """How this body serves this policy.

    Args:
        specification: of the body.
        capabilities: of the policy.
        instruction: what the policy will be asked to do; empty: not known yet.
        speaks: whether the robot sends a sound with each observation.

    Raises:
        Disagreed: they do not fit.
    """

    def __init__(
        self, specification: Specification, capabilities: pb.Capabilities, instruction: str = "", *, speaks: bool = False
    ) -> None:
        points = disagreements(specification, capabilities, instruction, speaks=speaks)
        if points:
            raise Disagreed(points)
        self.cameras = tuple(
            CameraRequest(camera.name, camera.width, camera.height, camera.vertical_field_of_view)
            for camera in capabilities.cameras
        )
        self.policy_digest = capabilities.policy_digest
        self.chunk_length = capabilities.chunk_length
        self.sends_words = not (speaks and capabilities.audio.replaces_instruction)
        """Whether the instruction is sent as words; otherwise the sound says it."""
        self._sentences = tuple(_key(sentence) for sentence in capabilities.instructions)
        self._felt = tuple(quantity.name for quantity in capabilities.proprioception)
        names = [quantity.name for quantity in specification.actions]
        self._commanded = [names.index(quantity.name) for quantity in capabilities.actions]

    def knows(self, instruction: str) -> bool:
        """Whether the policy can be asked to do this."""
        return not self.sends_words or not self._sentences or _key(instruction) in self._sentences

    def proprioception(self, observed: Mapping[str, float]) -> list[float]:
        """What the body feels, in the policy's order."""
        return [observed[name] for name in self._felt]

    def command(self, values: Sequence[float], hold: np.ndarray) -> np.ndarray:
        """The body's action ``[actions]`` for the policy's ``values``; what the policy does not command is held.

        Raises:
            ValueError: a value is missing, too many, or not a finite number.
        """
        if len(values) != len(self._commanded):
            raise ValueError(f"expected {len(self._commanded)} values, found {len(values)}")
        if not np.isfinite(values).all():
            raise ValueError(f"not finite: {list(values)}")
        action = hold.copy()
        action[self._commanded] = values
        return action


def disagreements(
    specification: Specification, capabilities: pb.Capabilities, instruction: str = "", *, speaks: bool = False
) -> list[Disagreement]:
    """Every point in which the body of ``specification`` cannot do what ``capabilities`` ask; empty when they fit."""
    points = _camera_points(specification, capabilities)
    points += _quantity_points("proprioception", specification.proprioception, capabilities.proprioception)
    points += _quantity_points("action", specification.actions, capabilities.actions)
    if not capabilities.actions:
        points.append(Disagreement("unknown_action", "actions", "the policy has no actions"))
    if capabilities.chunk_length < 1:
        points.append(Disagreement("invalid_chunk_length", "chunk_length", "the policy answers with no actions"))
    for subject, found, expected in (
        ("action_frame", capabilities.action_frame, specification.action_frame),
        ("action_mode", capabilities.action_mode, specification.action_mode),
        ("hold", capabilities.hold, specification.hold),
    ):
        if found != expected:
            points.append(
                Disagreement(f"{subject}_differs", subject, f"the policy says {found!r}, the body {expected!r}")
            )
    rate = capabilities.control_rate
    if not abs(rate - specification.control_rate) <= 1e-3 * specification.control_rate:  # so that NaN differs
        message = f"the policy acts at {rate:g} Hz, the body at {specification.control_rate:g} Hz"
        points.append(Disagreement("control_rate_differs", "control_rate", message))
    points += _limit_points(capabilities)
    points += _audio_points(capabilities, speaks)
    if speaks and capabilities.audio.replaces_instruction:
        return points
    return points + unknown_sentences(capabilities, [instruction])


def unknown_sentences(capabilities: pb.Capabilities, sentences: Sequence[str]) -> list[Disagreement]:
    """A point for each of ``sentences`` that a policy does not know which knows only some. An empty one is not known yet, and none."""
    known = {_key(sentence) for sentence in capabilities.instructions}
    unknown = dict.fromkeys(sentence for sentence in sentences if sentence and known and _key(sentence) not in known)
    message = f"the policy does not know this sentence; it knows {', '.join(map(repr, capabilities.instructions))}"
    return [Disagreement("unknown_instruction", sentence, message) for sentence in unknown]


def _key(sentence: str) -> str:
    """What makes two sentences the same: the words, whatever their case, white space and final punctuation."""
    words = " ".join(sentence.lower().split())
    while words and (words[-1] == " " or unicodedata.category(words[-1]).startswith("P")):
        words = words[:-1]
    return words


def _audio_points(capabilities: pb.Capabilities, speaks: bool) -> list[Disagreement]:
    """A sound that nobody hears, and one that is missing."""
    audio = capabilities.audio
    if speaks and not capabilities.HasField("audio"):
        return [Disagreement("unheard_audio", "audio", "the robot speaks, and the policy hears nothing")]
    if not speaks and capabilities.HasField("audio") and not audio.replaces_instruction:
        return [Disagreement("missing_audio", audio.name, "the policy wants a sound beside the instruction")]
    return []


def _limit_points(capabilities: pb.Capabilities) -> list[Disagreement]:
    """Limits of single numbers that this robot cannot place: it would not know what it is promised."""
    points = []
    commanded = {quantity.name for quantity in capabilities.actions}
    for limits in capabilities.limits.dimensions:
        if limits.name not in commanded:
            message = f"the policy limits an action that it does not have; it has {', '.join(commanded) or 'none'}"
            points.append(Disagreement("unknown_limit", limits.name, message))
        if limits.position and not (len(limits.position) == 2 and limits.position[0] < limits.position[1]):
            message = f"a position range is a minimum and a maximum, found {list(limits.position)}"
            points.append(Disagreement("invalid_limit", limits.name, message))
    return points


def _camera_points(specification: Specification, capabilities: pb.Capabilities) -> list[Disagreement]:
    points = []
    for camera in capabilities.cameras:
        if camera.name not in specification.cameras:
            message = f"the policy wants this camera; the body has {', '.join(specification.cameras) or 'none'}"
            points.append(Disagreement("unknown_camera", camera.name, message))
        if not (camera.width and camera.height):
            message = f"the policy asks for {camera.width}x{camera.height} pixels"
            points.append(Disagreement("invalid_camera_size", camera.name, message))
        if not 0 <= camera.vertical_field_of_view < 180:
            message = f"the policy asks for a field of view of {camera.vertical_field_of_view:g} degrees"
            points.append(Disagreement("invalid_field_of_view", camera.name, message))
    return points


def _quantity_points(
    kind: str, body: Sequence[Quantity], policy: Sequence[pb.QuantitySpecification]
) -> list[Disagreement]:
    """Names and units must be the body's; a policy may not command beyond what the body does. It may feel less, but
    some of what the body feels must be accepted."""
    points = []
    known = {quantity.name: quantity for quantity in body}
    seen = set()
    for quantity in policy:
        own = known.get(quantity.name)
        if own is None or quantity.name in seen:
            what = (
                "named twice by the policy" if own else f"unknown to the body, which has {', '.join(known) or 'none'}"
            )
            points.append(Disagreement(f"unknown_{kind}", quantity.name, f"this {kind} is {what}"))
            continue
        seen.add(quantity.name)
        if quantity.unit != own.unit:
            message = f"the policy counts in {quantity.unit!r}, the body in {own.unit!r}"
            points.append(Disagreement("unit_differs", quantity.name, message))
        slack = _RELATIVE_TOLERANCE * (own.maximum - own.minimum)
        inside = own.minimum - slack <= quantity.minimum < quantity.maximum <= own.maximum + slack
        if kind == "action" and not inside:
            message = (
                f"the policy commands {quantity.minimum:g} to {quantity.maximum:g} {quantity.unit}, "
                f"the body does {own.minimum:g} to {own.maximum:g}"
            )
            points.append(Disagreement("range_differs", quantity.name, message))
        accepted = (quantity.minimum - quantity.tolerance, quantity.maximum + quantity.tolerance)
        if kind == "proprioception" and not (own.minimum <= accepted[1] and accepted[0] <= own.maximum):
            message = (
                f"the policy accepts {accepted[0]:g} to {accepted[1]:g} {quantity.unit}, "
                f"the body feels {own.minimum:g} to {own.maximum:g}"
            )
            points.append(Disagreement("range_differs", quantity.name, message))
    return points
