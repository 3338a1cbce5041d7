"""The exported policy in the Swift runtime: the same tokens as PyTorch, observation by observation.

Skipped where ``uio2`` is not built; ``UIO2`` names another one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("av")
pytest.importorskip("zmq")

REPOSITORY = Path(__file__).resolve().parents[4]
UIO2 = Path(os.environ.get("UIO2", REPOSITORY / ".build" / "release" / "uio2"))
if not UIO2.is_file():
    pytest.skip("uio2 is not built", allow_module_level=True)
sys.path.insert(0, str(REPOSITORY / "Envs" / "client"))

from test_engine import QUICK, TINY, recipe_file, train  # noqa: E402
from uio2_client import Client, observation  # noqa: E402

from uio2_train.__main__ import main  # noqa: E402
from uio2_train.commands.export import BundlePolicy  # noqa: E402
from uio2_train.model import load_model, save_model  # noqa: E402


@contextmanager
def served(bundle: Path, folder: Path) -> Iterator[Client]:
    """A daemon with f32 weights, and a client of it."""
    address = f"ipc://{folder / 'uio2.sock'}"
    words = [str(UIO2), "serve", "--policy", str(bundle), "--bind", address, "--weights", "f32", "--threads", "1"]
    with open(folder / "daemon.log", "wb") as log:
        daemon = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            with Client(address, timeout=20) as client:
                client.hello(timeout=30)
                yield client
        except Exception:
            print((folder / "daemon.log").read_text()[-2000:])
            raise
        finally:
            daemon.terminate()
            daemon.wait(20)


def compare(bundle: Path, folder: Path) -> tuple[int, int]:
    """Tokens that are the same, of all, on the recorded observations."""
    from safetensors import safe_open

    policy = BundlePolicy(bundle)
    cameras = [camera["name"] for camera in policy.document["cameras"]]
    with safe_open(str(bundle / "agreement" / "observations.safetensors"), "np") as file:
        recorded = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        import json

        tasks = json.loads(file.metadata()["description"])["tasks"]
    jpeg, offsets = recorded["jpeg"].tobytes(), recorded["jpeg_offsets"]
    same = total = 0
    with served(bundle, folder) as client:
        for row, task in enumerate(recorded["task"]):
            client.reset()
            parts = range(row * len(cameras), (row + 1) * len(cameras))
            frames = {camera: jpeg[offsets[i] : offsets[i + 1]] for camera, i in zip(cameras, parts, strict=True)}
            state = recorded["proprioception"][row].astype(np.float64)
            chunk = client.act(observation(1, frames, state, tasks[task]["instruction"]))
            said = np.array([action.values for action in chunk.actions])
            bins = policy.action.bins(said).reshape(-1)
            expected = policy.tokenizer.bins(recorded["tokens"][row])
            same += int((bins == expected).sum())
            total += len(expected)
    return same, total


@pytest.mark.parametrize("start", ["scratch", "release"])
def test_the_runtime_says_what_pytorch_says(tmp_path: Path, start: str) -> None:
    """From a LeRobot dataset to a served policy in a minute, from scratch and from the release's layout."""
    began = time.monotonic()
    changes = {} if start == "scratch" else {"model": {"start": str(TINY), "tokenizer": str(TINY / "tokenizer.model")}}
    file = recipe_file(tmp_path, training=QUICK | {"steps": 25 if start == "scratch" else 6}, **changes)
    train(file, tmp_path / "run")
    words = ["export", str(file), "--folder", str(tmp_path / "run"), "--precision", "f32", "--agreement", "40"]
    assert main(words) == 0
    same, total = compare(tmp_path / "run" / "policy", tmp_path)
    assert total >= 6 * 10 and same >= 0.999 * total, f"{same} of {total} tokens"
    assert time.monotonic() - began < 300


def test_a_saved_checkpoint_passes_the_runtimes_parity(tmp_path: Path) -> None:
    """Every modality: the goldens hold in the Swift runtime for weights that PyTorch read and wrote again."""
    for file in TINY.iterdir():
        if file.name not in ("model.safetensors", "config.json"):
            (tmp_path / file.name).symlink_to(file)
    save_model(load_model(TINY), tmp_path, "f32")
    run = subprocess.run(
        [str(UIO2), "parity", str(tmp_path), "--part", "internals_b1", "--part", "codecs"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
