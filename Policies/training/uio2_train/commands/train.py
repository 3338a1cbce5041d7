"""``train``: trains the policy of a recipe; the same command again goes on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from ..engine.preparation import Prepared, load_pictures, prepare
from ..engine.sentences import PreparedSentences
from ..engine.trainer import Trainer, process_numbers
from ..recipe import Recipe
from ..recipe_file import load_recipe

PICTURES = "pictures.safetensors"
"""In a run's folder: the tokeniser of pictures that ``pictures`` has trained."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    recipe_arguments(parser)
    parser.add_argument("--device", choices=("cpu", "cuda"), help="the best there is when left out")
    parser.add_argument("--until", type=int, metavar="STEP", help="stop there; the schedule stays")


def recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that all commands on recipes share."""
    parser.add_argument("recipe", type=Path, help="a recipe (.yaml)")
    # Not --run: torchrun would take it for the beginning of an option of its own.
    parser.add_argument("--folder", type=Path, help="the run's; runs/NAME beside the package when left out")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a value in place of the recipe's, such as training.minutes=5")  # fmt: skip


def read_recipe(options: argparse.Namespace) -> tuple[Recipe, Path]:
    """The recipe with what the command line changes, and the run's folder."""
    overrides: dict[str, Any] = {}
    for pair in options.set:
        key, _, value = pair.partition("=")
        overrides[key] = yaml.safe_load(value)
    if "training.steps" in overrides:
        overrides.setdefault("training.minutes", None)
    if "training.minutes" in overrides and overrides["training.minutes"] is not None:
        overrides.setdefault("training.steps", None)
    recipe = load_recipe(options.recipe, overrides)
    run = options.folder or Path(__file__).resolve().parents[2] / "runs" / recipe.name
    return recipe, run


def prepare_run(recipe: Recipe, run: Path) -> Prepared | PreparedSentences:
    """Prepares a run: its tokeniser is made once, and what ``export`` needs is written beside it."""
    run.mkdir(parents=True, exist_ok=True)
    vocabulary = run / "tokenizer.model"
    prepared = prepare(recipe, vocabulary.read_bytes() if vocabulary.is_file() else None)
    load_pictures(prepared.model, run / PICTURES)
    if process_numbers()[0] == 0:
        partial = vocabulary.with_suffix(".partial")  # another process may be reading
        partial.write_bytes(prepared.vocabulary)
        partial.replace(vocabulary)
        prepared.model.configuration.save(run / "config.json")
        (run / "policy.json").write_text(json.dumps(prepared.document, indent=2) + "\n")
    return prepared


def run(options: argparse.Namespace) -> None:
    """Trains."""
    recipe, folder = read_recipe(options)
    prepared = prepare_run(recipe, folder)
    trainer = Trainer(prepared, folder, lambda line: print(line, flush=True), options.device)
    stopped = trainer.train(options.until)
    if trainer.rank == 0:
        print(f"{folder}: step {trainer.step}; losses.csv, losses.png and tensorboard/ show the way there")
    if stopped is not None:
        if trainer.rank == 0:
            print("stopped; the same command goes on from here")
        raise SystemExit(128 + stopped)
