"""A person leads an arm, through the run that policies fly it with."""

from __future__ import annotations

from contextlib import ExitStack

from uio2_client import uio2_pb2 as pb
from uio2_envs.agreement import Agreement

from ..arm import Arm
from ..body import Cameras
from ..configuration import Configuration
from ..plan import Control, Resources
from .operated import NAME
from .person import Person
from .simulated import CameraWish

_CHUNK_SECONDS = 0.05


def alone(configuration: Configuration, cameras: tuple[CameraWish, ...]) -> pb.Capabilities:
    """What a person drives who drives an arm alone."""
    specification = configuration.specification

    def said(mapped):
        quantity = mapped.quantity
        return pb.QuantitySpecification(
            name=quantity.name, unit=quantity.unit, minimum=quantity.minimum, maximum=quantity.maximum
        )

    return pb.Capabilities(
        policy_name=NAME,
        cameras=[
            pb.CameraSpecification(
                name=camera.name, width=camera.width, height=camera.height, vertical_field_of_view=camera.field_of_view
            )
            for camera in cameras
        ],
        proprioception=[said(mapped) for mapped in configuration.proprioception],
        actions=[said(mapped) for mapped in configuration.actions],
        action_frame=specification.action_frame,
        action_mode=specification.action_mode,
        hold=specification.hold,
        chunk_length=max(1, round(_CHUNK_SECONDS * specification.control_rate)),
        control_rate=specification.control_rate,
    )


class Attended:
    """An arm's resources, for a run that a person at a device can stop and end.

    The task is done when the person says so.
    """

    def __init__(self, resources: Resources, person: Person) -> None:
        self._resources, self._person = resources, person

    def attend(self, control: Control) -> None:
        self._person.control = control
        self._resources.attend(control)

    def arm(self) -> Arm:
        return self._resources.arm()

    def cameras(self, agreement: Agreement, closing: ExitStack) -> Cameras:
        return self._resources.cameras(agreement, closing)

    def is_done(self) -> bool:
        person = self._person
        if person.outcome is False or person.has_quit:
            if person.control is not None:
                person.control.end()
            return False
        return bool(person.outcome) or self._resources.is_done()
