"""``inspect``: what is in a dataset, and the ``policy.json`` that a recipe would make of it."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

from ..data.demonstrations import Demonstrations, Dimension, open_dataset
from ..recipe import Recipe
from ..recipe_file import load_recipe, parse
from ..specification import make_plan


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("dataset", type=Path, nargs="?", help="a dataset's folder, or a recipe (.yaml)")
    parser.add_argument("--unit", action="append", default=[], metavar="NAME=UNIT",
                        help="the unit of a dimension that the dataset does not say; may be repeated")  # fmt: skip
    parser.add_argument("--mode", choices=("delta", "absolute"), help="what the dataset's actions are")
    parser.add_argument("--json", action="store_true", help="print policy.json alone")


def run(options: argparse.Namespace) -> None:
    """Prints."""
    if options.dataset is None:
        raise SystemExit("inspect: name a dataset or a recipe")
    if options.dataset.suffix in (".yaml", ".yml"):
        from ..engine.preparation import open_datasets

        recipe = load_recipe(options.dataset)
        datasets = open_datasets(recipe)
    else:
        datasets = [open_dataset(options.dataset)]
        recipe = draft(datasets[0], dict(pair.split("=", 1) for pair in options.unit), options.mode)
    if not options.json:
        for dataset in datasets:
            print("\n".join(describe(dataset)))
        print("\npolicy.json:")
    print(json.dumps(make_plan(recipe, datasets).document, indent=2))


def draft(dataset: Demonstrations, units: dict[str, str], mode: str | None) -> Recipe:
    """A recipe for a dataset alone: the first camera is the image, the others image history."""
    cameras = list(dataset.cameras.values())
    names = [dimension.name for dimension in dataset.state]
    document = {
        "name": dataset.path.name,
        "data": {"datasets": [str(dataset.path)]},
        "cameras": [
            {"name": camera.name.rpartition(".")[2], "source": camera.name,
             "input": "image" if index == 0 else "image_history"}
            for index, camera in enumerate(cameras[:5])
        ],
        "state": {"units": {name: unit for name, unit in units.items() if name in names}},
        "action": {
            "mode": mode,
            "units": {part.name: units[part.name] for part in dataset.action if part.name in units},
        },
    }  # fmt: skip
    return parse(Recipe, yaml.safe_load(yaml.safe_dump(document)), "")


def describe(dataset: Demonstrations) -> list[str]:
    """Lines for people."""
    lengths = np.array(dataset.lengths)
    episodes = [dataset.episode(index) for index in range(len(dataset))]
    lines = [
        f"{dataset.path}: {dataset.format}, {len(dataset)} episodes, {lengths.sum()} steps "
        f"({lengths.min()} to {lengths.max()}, median {int(np.median(lengths))}), {dataset.rate_hz:g} steps a second",
        "cameras: " + (", ".join(f"{c.name} {c.width}x{c.height}" for c in dataset.cameras.values()) or "none"),
    ]
    for kind, dimensions in (("state", dataset.state), ("action", dataset.action)):
        values = np.concatenate([getattr(episode, kind) for episode in episodes])
        lines.append(f"{kind}:")
        lines += [_row(part, values[:, column]) for column, part in enumerate(dimensions)]
    for name, names in dataset.extras.items():
        shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
        lines.append(f"also: {name} ({len(names)} numbers: {shown})")
    counts = Counter(text for episode in episodes for text in dict.fromkeys(episode.instructions))
    lines.append("instructions:")
    lines += [f"  {count:5d} episodes  {text}" for text, count in counts.most_common(20)]
    return lines


def _row(part: Dimension, values: np.ndarray) -> str:
    low, first, median, last, high = np.quantile(values, [0, 0.001, 0.5, 0.999, 1])
    note = "  constant: leave it out or say its range" if high == low else ""
    return (
        f"  {part.name:24s} unit {part.unit or 'not said':9s} least {low:10.4g}  0.1 % {first:10.4g}  "
        f"median {median:10.4g}  99.9 % {last:10.4g}  most {high:10.4g}{note}"
    )
