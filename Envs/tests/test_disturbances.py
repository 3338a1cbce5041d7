"""An episode in which everything goes wrong, in the toy and with a daemon that really goes away."""

from __future__ import annotations

import numpy as np
import pytest
from fake_daemon import FakeDaemon, chunk_for, error, toy_capabilities
from uio2_client import Client
from uio2_client import uio2_pb2 as pb

from uio2_envs import toy
from uio2_envs.disturbances import Daemon, Outcome, table, trial

FIRST = toy.TASKS["reach-red"]


class Replaced(Daemon):
    """Fake daemons one after the other at one address, which refuse a picture that does not change, and answer as an expert does."""

    def __init__(self, environment: toy.ToyEnvironment, notices: bool = True) -> None:
        self._environment, self._notices = environment, notices
        self._frames: list[bytes] = []
        self.sentences: list[str] = []
        self.starts = 0
        self._daemon = FakeDaemon(self._answer, toy_capabilities())
        self._daemon.__enter__()
        self.address = self._daemon.address

    def _answer(self, index: int, seen: pb.Observation):
        self.sentences.append(seen.instruction)
        frame = bytes(seen.frames[0].data)
        self._frames.append(frame)
        is_frozen = len(self._frames) > 5 and len(set(self._frames[-6:])) == 1
        if is_frozen and self._notices:
            return error("frozen_camera")
        if seen.instruction == FIRST:
            # Round in a small circle: every picture differs.
            turn = len(self._frames)
            return chunk_for(seen, [[0.015 * np.cos(turn), 0.015 * np.sin(turn)]], 10**13)
        y, x = self._environment._discs["reach-green"][::-1] - [seen.proprioception[0], seen.proprioception[1]]
        return chunk_for(seen, [[float(np.clip(y, -0.02, 0.02)), float(np.clip(x, -0.02, 0.02))]], 10**13)

    def kill(self) -> None:
        self._daemon.die()
        self._daemon._thread.join()

    def start(self) -> None:
        self.starts += 1
        self._frames.clear()
        self._daemon = FakeDaemon(self._answer, toy_capabilities(), address=self.address)
        self._daemon.__enter__()

    def end(self) -> None:
        self._daemon.__exit__(None, None, None)


def fly(seed: int = 4, **options) -> tuple[Outcome, Replaced, list[str], toy.ToyEnvironment]:
    environment = toy.make("reach-green")
    daemon = Replaced(environment, **options)
    said: list[str] = []
    try:
        with Client(daemon.address, timeout=0.2) as client:
            capabilities = client.hello()
            outcome = trial(environment, client, capabilities, daemon, FIRST, seed, log=said.append, held_looks=12)
    finally:
        daemon.end()
    return outcome, daemon, said, environment


def test_the_robot_holds_recovers_and_finishes() -> None:
    outcome, daemon, said, environment = fly()
    assert outcome.success and outcome.held and not outcome.failure
    assert outcome.moved_frozen == outcome.moved_dead == outcome.braking == 0
    happened = ["camera freezes", "robot holds", "shows the scene", "sentence changes", "pushed away", "killed", "started again"]
    places = [next(place for place, line in enumerate(said) if words in line) for words in happened]
    assert places == sorted(places) and daemon.starts == 1
    assert daemon.sentences[0] == FIRST and daemon.sentences[-1] == toy.TASKS["reach-green"]
    assert environment.instruction == toy.TASKS["reach-green"]


def test_a_camera_that_nobody_notices_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uio2_envs.disturbances.FROZEN_LOOKS", 10)
    outcome, *_ = fly(notices=False)
    assert not outcome.noticed and not outcome.held


@pytest.mark.parametrize("seed", range(2))
def test_takes_depend_on_their_seed_alone(seed: int) -> None:
    first, second = (fly(seed)[0] for _ in range(2))
    # How long a daemon takes to come back is the machine's.
    assert (first.success, first.noticed, first.moved_frozen) == (second.success, second.noticed, second.moved_frozen)


def test_the_table_counts_what_was_recovered_from() -> None:
    good = Outcome(1, success=True, noticed=True, moved_frozen=0.002)
    moved = Outcome(2, success=True, noticed=True, moved_dead=0.02)
    lost = Outcome(3, noticed=True)
    row = table([good, moved, lost]).splitlines()[-1]
    assert row.startswith("| 2 of 3 |") and "| 2 of 3 | 0.0 mm | 20.0 mm |" in row
    assert not Outcome(4, noticed=True, braking=0.07).held
