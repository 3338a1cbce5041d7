"""What a run of an arm is asked for, and what it needs from others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from uio2_client import uio2_pb2 as pb
from uio2_envs.agreement import Agreement
from uio2_envs.patience import Patience

from .arm import Arm, ArmState
from .body import Cameras
from .configuration import Configuration


class NotConfirmed(Exception):
    """Nobody said yes; nothing has moved."""

    def __init__(self) -> None:
        self.code, self.subject, self.message = "not_confirmed", "operator", "not confirmed; nothing has moved"
        super().__init__(self.message)


class Daemon(Protocol):
    """What a run needs of ``uio2_client.Client``."""

    @property
    def address(self) -> str: ...

    @property
    def connections(self) -> int: ...

    def hello(self, name: str, version: str, timeout: float | None = None) -> pb.Capabilities: ...

    def reset(self) -> bool: ...

    def act(self, observation: pb.Observation) -> pb.ActionChunk: ...


class Control(Protocol):
    """What a person may do to a run from elsewhere than its terminal; from any thread."""

    def stop(self, reason: str) -> None:
        """Brakes the arm and keeps it still until it is resumed."""
        ...

    def resume(self) -> bool:
        """Lets it move on, as ``go`` does; whether it was kept still."""
        ...

    def instruct(self, text: str) -> None:
        """Says from now on what is to be done; a sentence that the policy does not know changes nothing."""
        ...

    def interrupt(self) -> None:
        """Executes nothing more of the present chunk: somebody else leads."""
        ...

    def end(self) -> None:
        """Ends the run, as ``quit`` does."""
        ...


class Resources(Protocol):
    """Where the arm, its cameras and its judge come from."""

    def attend(self, control: Control) -> None:
        """Told before anything else how the run can be stopped."""
        ...

    def arm(self) -> Arm:
        """Connects. Moves nothing."""
        ...

    def cameras(self, agreement: Agreement, closing: ExitStack) -> Cameras:
        """Those that the policy wants; closed by ``closing``."""
        ...

    def is_done(self) -> bool:
        """Whether the task is done now."""
        ...


@dataclass(frozen=True)
class Plan:
    """What to run."""

    configuration: Configuration
    instruction: str
    seconds: float
    """Of one run, at most."""
    dry_run: bool = False
    confirmed: bool = False
    """Whether a person has said yes beforehand."""
    home: bool = False
    """Whether to go to the home pose first."""
    encoding: str = "jpeg"
    connect_seconds: float = 30.0
    patience: Patience = Patience(refused_seconds=600.0)
    trajectory: Path | None = None
    """A file for where the arm was told to go and where it was."""


class ReadOnly:
    """An arm that is looked at and never moved: for a dry run."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def state(self) -> ArmState:
        return self._arm.state()

    def command(self, linear: np.ndarray, angular: np.ndarray, hold: float) -> None:
        pass

    def grip(self, opening: float) -> None:
        pass

    def rest(self, beat: Callable[[], None]) -> None:
        pass

    def move_joints(self, joints: np.ndarray, beat: Callable[[], None]) -> None:
        pass

    def close(self) -> None:
        self._arm.close()
