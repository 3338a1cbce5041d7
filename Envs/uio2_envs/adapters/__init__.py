"""One module per simulator, imported only when asked for.

An adapter module has ``TASKS``, a mapping of task names to instructions, ``PACKAGES``, the names of the packages that its
results depend on, and ``make(task)``, which returns an ``Environment``. Its import raises ``EnvironmentFailure`` when the
simulator is not installed. As far as it has them: ``VIEWS``, names of camera sets that ``make`` takes as ``view``;
``SHARED_SCENES``, for each task those whose instructions make sense in its scene, which ``make`` takes as ``instruction_from``;
``SCENE_CHANGES``, the perturbations of the scene that every task can have: without it that is known only once a scene is made.

Another package brings a simulator by an entry point of the group ``uio2_envs.adapters`` that names such a module. An
environment of gymnasium needs none: a YAML file describes it (``description.py``), in the folder ``environments`` beside this
package or in one of ``--python-path``.
"""

from __future__ import annotations

import difflib
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ..environment import Environment, EnvironmentFailure
from ..perturbed import perturbed
from ..variant import SCENE_PERTURBATIONS, Variant

GROUP = "uio2_envs.adapters"
"""The group of entry points."""

_OWN = {
    "metaworld": "uio2_envs.adapters.metaworld",
    "tabletop": "uio2_tabletop.adapter",
    "toy": "uio2_envs.toy",
}
"""Named here as well as in pyproject.toml: they are found where these packages are folders and not installed."""


DESCRIPTIONS = Path(__file__).resolve().parents[2] / "environments"
"""Where the descriptions of this repository lie."""


def names() -> tuple[str, ...]:
    """Simulators that there are adapters for, and environments that are described."""
    return tuple(dict.fromkeys([*_modules(), *descriptions()]))


def descriptions() -> dict[str, Path]:
    """Files by the name of what they describe; those of this repository cannot be replaced."""
    found: dict[str, Path] = {}
    for folder in (DESCRIPTIONS, *(Path(entry) for entry in sys.path if entry)):
        for file in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            found.setdefault(file.stem, file)
    return found


def adapter(name: str, tasks: list[str]) -> Any:
    """The adapter module of a simulator, or what stands for one, after checking that it knows ``tasks``.

    Raises:
        EnvironmentFailure: no such adapter, its simulator is not installed, or it does not know a task.
    """
    modules = _modules()
    if name in modules:
        try:
            module: Any = import_module(modules[name])
        except ImportError as error:
            message = f"its adapter {modules[name]} cannot be imported: {error}"
            raise EnvironmentFailure("adapter_missing", name, message) from error
    else:
        described = descriptions()
        if name not in described:
            raise EnvironmentFailure("unknown_environment", name, f"no such adapter; there are: {', '.join(names())}")
        from ..description import DescribedAdapter

        module = DescribedAdapter(described[name])
    for task in tasks:
        if task not in module.TASKS:
            raise EnvironmentFailure("unknown_task", task, _unknown_task(name, task, list(module.TASKS)))
    return module


def check(name: str, task: str, variant: Variant = Variant()) -> ModuleType:
    """The adapter module of a simulator, after checking that it has this variant of the task. Makes no scene.

    Raises:
        EnvironmentFailure: as ``make``.
    """
    said = variant.instruction_from
    module = adapter(name, [task] if said is None else [task, said])
    if variant.view is not None:
        _require(variant.view, getattr(module, "VIEWS", ()), "unknown_view", f"{name} has no such view")
    changes = getattr(module, "SCENE_CHANGES", None)
    if changes is not None and variant.severity and variant.perturbation in SCENE_PERTURBATIONS:
        message = f"{name} cannot have this perturbation of the scene"
        _require(variant.perturbation, sorted(changes), "unsupported_perturbation", message)
    if said is not None:
        known = getattr(module, "SHARED_SCENES", {}).get(task, ())
        _require(said, known, "no_shared_scene", f"its instruction makes no sense in the scene of {task}")
    return module


def make(name: str, task: str, variant: Variant = Variant()) -> Environment:
    """The environment of one task of one simulator.

    Raises:
        EnvironmentFailure: as ``adapter``; or the simulator does not have this variant of the task.
    """
    module = check(name, task, variant)
    options: dict[str, Any] = {}
    if variant.view is not None:
        options["view"] = variant.view
    if variant.instruction_from is not None:
        options["instruction_from"] = variant.instruction_from
    environment = module.make(task, **options)
    if variant.words is not None:
        if environment.specification.primitives:
            environment.close()
            message = f"an episode of {name} has a prompt of its own, so no other words can be said"
            raise EnvironmentFailure("unsupported_words", task, message)
        environment.instruction = variant.words
    return perturbed(environment, variant.perturbation, variant.severity)


def _modules() -> dict[str, str]:
    """Module names by simulator; this package's own come first and cannot be replaced."""
    modules = dict(_OWN)
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        modules.setdefault(point.name, point.module)
    return modules


def _require(value: str, known: Any, code: str, message: str) -> None:
    if value not in known:
        raise EnvironmentFailure(code, value, f"{message}; there are: {', '.join(known) or 'none'}")


def _unknown_task(name: str, task: str, known: list[str]) -> str:
    near = difflib.get_close_matches(task, known, n=3, cutoff=0.5)
    near += [other for other in known if task and task in other and other not in near]
    if not near:
        return f"{name} has no such task; there are: {', '.join(sorted(known))}"
    return f"{name} has no such task; did you mean {' or '.join(near[:5])}? ({len(known)} tasks in all)"
