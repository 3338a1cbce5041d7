"""Every number at every place of a sentence, with both primitives, executed by physics."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

if find_spec("mujoco") is None:
    pytest.skip("needs MuJoCo", allow_module_level=True)

# First, because it chooses how MuJoCo draws.
from uio2_tabletop import adapter  # noqa: I001, F401
from uio2_tabletop import sentences
from uio2_tabletop.world import Outcome


def test_every_number_at_every_place_is_executed() -> None:
    outcomes, farthest = sentences.execute_all()
    assert outcomes.total() == 2 * 1000 and farthest < 0.05
    assert set(outcomes) <= set(Outcome) - {Outcome.UNREADABLE} and len(outcomes) >= 5
