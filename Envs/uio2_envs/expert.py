"""A scripted expert in the place of a daemon, so that experts and policies are evaluated by the same control loop."""

from __future__ import annotations

import time

from uio2_client import uio2_pb2 as pb

from .environment import Command, Environment, Specification

NAME = "expert"


MAXIMUM_STEPS = 16
"""Primitives in an answer, at most: as many as a sentence of the ``pick_and_place`` action space has."""


class ExpertLink:
    """Answers every observation with the expert's plan for the environment's present state.

    Where the body has words, the plan is said and read again, as a policy's is.

    Args:
        environment: one that has an expert.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def reset(self) -> bool:
        return False

    def act(self, observation: pb.Observation) -> pb.ActionChunk:
        began = time.perf_counter_ns()
        plan = self._environment.plan()[:MAXIMUM_STEPS]
        text, commands = self._environment.say(plan) if plan else ("", [Command(self._environment.hold_action())])
        return pb.ActionChunk(
            observation_sequence=observation.sequence,
            captured_at=observation.captured_at,
            valid_until=2**64 - 1,
            actions=[
                pb.Action(values=[float(value) for value in command.values], primitive=command.primitive)
                for command in commands
            ],
            text=text,
            confidence=1.0,
            timings=[pb.StageTiming(stage=pb.STAGE_GENERATE, duration=time.perf_counter_ns() - began)],
        )


def capabilities(specification: Specification, films: bool = False) -> pb.Capabilities:
    """What an expert of this body drives: all of its actions, one at a time; of primitives all that its plan has.

    Args:
        specification: of the body.
        films: whether a film is made. An expert looks at no camera, so that nothing is drawn otherwise.
    """
    cameras = specification.cameras[:1] if films else ()
    width, height = specification.picture_size
    return pb.Capabilities(
        policy_name=NAME,
        cameras=[pb.CameraSpecification(name=name, width=width, height=height) for name in cameras],
        # Not needed to act, but recorded: where the robot was.
        proprioception=[
            pb.QuantitySpecification(name=q.name, unit=q.unit, minimum=q.minimum, maximum=q.maximum)
            for q in specification.proprioception
        ],
        actions=[
            pb.QuantitySpecification(name=q.name, unit=q.unit, minimum=q.minimum, maximum=q.maximum)
            for q in specification.actions
        ],
        action_frame=specification.action_frame,
        action_mode=specification.action_mode,
        hold=specification.hold,
        chunk_length=MAXIMUM_STEPS if specification.primitives else 1,
        control_rate=specification.control_rate,
    )
