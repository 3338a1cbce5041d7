"""What the documents tell a user to say is what the shipped policy does."""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from uio2_client import Client

from uio2_envs import adapters
from uio2_envs.agreement import Agreement
from uio2_envs.clock import SimulatedClock
from uio2_envs.metaworld_tasks import INSTRUCTIONS
from uio2_envs.robot import Robot

REPOSITORY = Path(__file__).resolve().parents[2]
DAEMON = REPOSITORY / ".build" / "release" / "uio2"
POLICY = REPOSITORY / "Policies" / "metaworld-mt5"
DOCUMENTS = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted((REPOSITORY / "Envs").glob("**/README.md")),
    *sorted((REPOSITORY / "Policies").glob("*/README.md")),
    REPOSITORY / "Envs" / "client" / "uio2_client" / "__init__.py",
]


def examples() -> dict[str, list[str]]:
    """The sentences that examples give as instructions, with the documents that they stand in."""
    found: dict[str, list[str]] = {}
    for document in DOCUMENTS:
        for sentence in re.findall(r'\binstruction="([^"]+)"', document.read_text()):
            found.setdefault(sentence, []).append(document.name)
    return found


def task_of(sentence: str) -> str:
    """The task that is trained under exactly this sentence."""
    return next((task for task, trained in INSTRUCTIONS.items() if trained == sentence), "")


LOOP = re.compile(r"```python\n(import time\nfrom uio2_client import .*?)```", re.DOTALL)
"""The one example of a robot's loop, wherever it stands."""


def loops() -> dict[str, str]:
    """What each of the documents for users says a robot's loop is."""
    paths = [REPOSITORY / "README.md", REPOSITORY / "docs" / "wire.md", REPOSITORY / "Envs" / "client" / "README.md"]
    return {str(path.relative_to(REPOSITORY)): "".join(LOOP.findall(path.read_text())) for path in paths}


def test_all_documents_have_the_same_loop() -> None:
    assert len(set(loops().values())) == 1 and len(loops()["README.md"]) > 200, sorted(loops())


def test_the_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text().split()) < 1000


class StandIn:
    """What the example calls ``robot``: writes down in which order it is asked what."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.capabilities: object = None

    def check(self, capabilities: object) -> None:
        self.calls.append("check")
        self.capabilities = capabilities

    def state(self) -> list[float]:
        self.calls.append("state")
        return [(quantity.minimum + quantity.maximum) / 2 for quantity in self.capabilities.proprioception]

    def move(self, values: object) -> None:
        assert len(values) == len(self.capabilities.actions)
        self.calls.append("move")


def test_examples_are_found() -> None:
    places = [place for places in examples().values() for place in places]
    assert places.count("README.md") >= 2 and "wire.md" in places and "__init__.py" in places


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A daemon that serves the shipped policy."""
    address = f"ipc://{tmp_path_factory.mktemp('daemon')}/d"
    daemon = subprocess.Popen([DAEMON, "serve", "--policy", POLICY, "--bind", address], stderr=subprocess.DEVNULL)
    try:
        yield address
    finally:
        daemon.terminate()
        daemon.wait(timeout=10)


@pytest.mark.skipif(not DAEMON.exists(), reason="swift build -c release --product uio2 comes first")
def test_the_loop_compares_first_and_paces_its_commands(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    robot, pauses = StandIn(), []
    generator = random.Random(1)

    def camera() -> np.ndarray:
        return np.frombuffer(generator.randbytes(128 * 128 * 3), dtype=np.uint8).reshape(128, 128, 3)

    code = loops()["README.md"].replace("tcp://127.0.0.1:5555", address).replace("range(1, 100)", "range(1, 6)")
    sleep = time.sleep

    def pause(seconds: float) -> None:
        robot.calls.append("pause")
        pauses.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", pause)
    exec(compile(code, "README.md", "exec"), {"robot": robot, "camera_a": camera, "camera_b": camera})
    assert robot.calls[0] == "check", "it compares before it does anything"
    moves = [place for place, call in enumerate(robot.calls) if call == "move"]
    assert len(moves) >= 5
    assert all(robot.calls[place + 1] == "pause" for place in moves), "a command a control period"
    assert set(pauses) == {1 / robot.capabilities.control_rate}


@pytest.mark.skipif(not DAEMON.exists(), reason="swift build -c release --product uio2 comes first")
@pytest.mark.skipif(find_spec("metaworld") is None, reason="needs Meta-World")
@pytest.mark.parametrize("sentence", sorted(examples()))
def test_an_example_is_flown(sentence: str, address: str) -> None:
    environment = adapters.make("metaworld", task_of(sentence) or "drawer-close-v3")
    environment.instruction = sentence
    with Client(address, timeout=30) as client:
        agreement = Agreement(environment.specification, client.hello(), sentence)
        robot = Robot(environment, agreement, client, SimulatedClock(environment.specification.control_rate))
        assert robot.run_episode(seed=1000).success, f"{sentence!r} of {examples()[sentence]}"
    environment.close()
