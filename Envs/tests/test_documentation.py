"""What the documents tell a user to say is what the shipped policy does."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

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
