"""The toy environment is an environment, and can be won and lost."""

from uio2_envs import toy
from uio2_envs.conformance import EnvironmentConformance


class TestReachRed(EnvironmentConformance):
    def make(self) -> toy.ToyEnvironment:
        return toy.make("reach-red")


class TestReachGreen(EnvironmentConformance):
    def make(self) -> toy.ToyEnvironment:
        return toy.make("reach-green")


def test_expert_succeeds_and_standing_still_does_not() -> None:
    for task in toy.TASKS:
        environment = toy.make(task)
        for seed in range(20):
            environment.reset(seed)
            assert not environment.step(environment.hold_action()).success
            assert any(environment.step(environment.expert()).success for _ in range(40))


def test_picture_is_upright() -> None:
    environment = toy.make("reach-red")
    environment.reset(0)
    for _ in range(5):
        environment.step([0.02, 0.02])
    for _ in range(20):
        environment.step([0.0, 0.02])
    frame = environment.render("overhead", 128, 128)
    rows, _ = (frame == 250).all(axis=2).nonzero()
    assert rows.mean() < 50, "y is up, so the point is in the upper part"
