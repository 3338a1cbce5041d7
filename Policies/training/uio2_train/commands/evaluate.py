"""``evaluate``: the exported policy in closed loop, through the daemon (``uio2 rollout``)."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path

from ..errors import TrainingError
from .train import read_recipe, recipe_arguments

REPOSITORY = Path(__file__).resolve().parents[4]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    recipe_arguments(parser)
    parser.add_argument("--policy", type=Path, help="the bundle; FOLDER/policy when left out")
    parser.add_argument("--uio2", type=Path, help="the program; .build/release/uio2, else the one on the PATH")
    parser.add_argument("--video", type=Path, help="write a film of every episode there")
    parser.add_argument("--require-success", type=float, metavar="RATE", help="fail when fewer episodes succeed, 0…1")


def program(named: Path | None) -> Path:
    """The ``uio2`` to run; raises ``TrainingError`` ``missing_program``."""
    found = shutil.which("uio2")
    for candidate in (named, REPOSITORY / ".build" / "release" / "uio2", Path(found) if found else None):
        if candidate is not None and candidate.is_file():
            return candidate
    raise TrainingError("missing_program", "uio2", "is not built; run make build, or name it with --uio2")


def run(options: argparse.Namespace) -> None:
    """Flies the episodes."""
    recipe, folder = read_recipe(options)
    evaluation = recipe.evaluation
    if evaluation is None:
        message = "is missing; say evaluation.environment, such as metaworld:drawer-close-v3"
        raise TrainingError("invalid_recipe", "evaluation", message)
    policy = options.policy or folder / "policy"
    if not (policy / "policy.json").is_file():
        raise TrainingError("missing_file", str(policy), "is no bundle; export first, or name it with --policy")
    command = [
        str(program(options.uio2)), "rollout", "--env", evaluation.environment, "--episodes", str(evaluation.episodes),
        "--seed", str(evaluation.seed), "--policy", str(policy), "--json", str(folder / "evaluation.json"),
    ]  # fmt: skip
    if evaluation.maximum_steps is not None:
        command += ["--max-steps", str(evaluation.maximum_steps)]
    if options.video is not None:
        command += ["--video", str(options.video)]
    if options.require_success is not None:
        command += ["--require-success", str(options.require_success)]
    print("+ " + " ".join(command), flush=True)
    environment = dict(os.environ)
    simulators = REPOSITORY / ".venv" / "bin" / "python"
    if simulators.is_file():
        environment.setdefault("UIO2_PYTHON", str(simulators))
    raise SystemExit(subprocess.run(command, env=environment, check=False).returncode)
