"""Every number at every place of a sentence, with both primitives, executed by physics."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

if find_spec("mujoco") is None:
    pytest.skip("needs MuJoCo", allow_module_level=True)

# First, because it chooses how MuJoCo draws.
from uio2_tabletop import adapter  # noqa: I001, F401
from uio2_tabletop import sentences
from uio2_tabletop.moves import PICK_AND_PLACE, PUSH
from uio2_tabletop.world import Outcome


# In two halves, each of half a minute on a machine that is not busy.
@pytest.mark.parametrize(
    ("primitive", "expected"),
    [(PICK_AND_PLACE, {"done", "nothing_there", "no_seal"}), (PUSH, {"done", "blocked"})],
)
def test_every_number_at_every_place_is_executed(primitive: str, expected: set[str]) -> None:
    outcomes, farthest, landed = sentences.execute_all(primitives=[primitive])
    # What is done is done within half a bin of where it was meant, although an edge may push the hand aside.
    assert outcomes.total() == 1000 and farthest < 0.05 and landed < 1
    assert expected <= set(outcomes) <= set(Outcome) - {Outcome.UNREADABLE}
