"""One module per simulator, imported only when asked for.

An adapter module has ``TASKS``, a mapping of task names, ``PACKAGES``, the names of the packages that its results depend
on, and ``make(task)``, which returns an ``Environment``. Its import raises ``EnvironmentFailure`` when the simulator is not installed.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from types import ModuleType

from ..environment import Environment, EnvironmentFailure

_MODULES = {"metaworld": "uio2_envs.adapters.metaworld", "toy": "uio2_envs.toy"}

NAMES = tuple(_MODULES)
"""Simulators that there are adapters for."""


def adapter(name: str, tasks: list[str]) -> ModuleType:
    """The adapter module of a simulator, after checking that it knows ``tasks``.

    Raises:
        EnvironmentFailure: no such adapter, its simulator is not installed, or it does not know a task.
    """
    if name not in _MODULES:
        raise EnvironmentFailure("unknown_environment", name, f"no such adapter; there are: {', '.join(NAMES)}")
    module = import_module(_MODULES[name])
    for task in tasks:
        if task not in module.TASKS:
            raise EnvironmentFailure("unknown_task", task, _unknown_task(name, task, list(module.TASKS)))
    return module


def make(name: str, task: str) -> Environment:
    """The environment of one task of one simulator."""
    return adapter(name, [task]).make(task)


def _unknown_task(name: str, task: str, known: list[str]) -> str:
    near = difflib.get_close_matches(task, known, n=3, cutoff=0.5)
    near += [other for other in known if task and task in other and other not in near]
    if not near:
        return f"{name} has no such task; there are: {', '.join(sorted(known))}"
    return f"{name} has no such task; did you mean {' or '.join(near[:5])}? ({len(known)} tasks in all)"
