"""Ranges, quantisation and seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from export import policy_description
from spec import (
    ACTION_RANGE,
    BINS,
    DAGGER_SEEDS,
    HELD_OUT_SEEDS,
    INSTRUCTIONS,
    MT5,
    MT50,
    RECIPES,
    TRAINING_SEEDS,
    Recipe,
    dequantise,
    quantise,
)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_quantisation_is_right_to_half_a_bin(recipe: Recipe) -> None:
    for limits in (recipe.proprioception, recipe.positions, ACTION_RANGE):
        values = np.random.default_rng(0).uniform(limits[:, 0], limits[:, 1], (1000, len(limits)))
        bins = quantise(values, limits)
        assert bins.min() >= 0 and bins.max() <= BINS - 1
        half_a_bin = (limits[:, 1] - limits[:, 0]) / (BINS - 1) / 2
        assert (np.abs(dequantise(bins, limits) - values) <= half_a_bin * (1 + 1e-9)).all()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_ends_of_a_range_and_beyond(recipe: Recipe) -> None:
    low, high = recipe.proprioception.T
    assert (quantise(low, recipe.proprioception) == 0).all()
    assert (quantise(high, recipe.proprioception) == BINS - 1).all()
    assert (quantise(high + 1, recipe.proprioception) == BINS - 1).all()


def test_mt50_ranges_hold_what_was_measured() -> None:
    hand = np.array([[-0.51, 0.51], [0.39, 0.91], [0.039, 0.5], [0.26, 1.0]])
    assert (MT50.proprioception[:, 0] <= hand[:, 0]).all() and (MT50.proprioception[:, 1] >= hand[:, 1]).all()
    things = np.array([[-0.66, 0.56], [0.25, 0.96], [-0.03, 0.46]] * 2)
    assert (MT50.positions[:, 0] <= things[:, 0]).all() and (MT50.positions[:, 1] >= things[:, 1]).all()


def test_all_tasks_are_trained_on() -> None:
    assert MT50.tasks == tuple(INSTRUCTIONS) and len(MT50.tasks) == 50
    assert set(MT50.episodes.values()) == {2, 3}
    assert len(MT5.tasks) == 5


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_no_reset_is_drawn_twice(recipe: Recipe) -> None:
    rounds = [
        recipe.training_seeds(number, task, count)
        for number in (0, 1, 2, 799)
        for task, count in recipe.episodes.items()
    ]
    dagger = [recipe.dagger_seeds(number, task, 30) for number in (0, 1, 30) for task in recipe.tasks]
    held_out = [recipe.held_out_seeds(task, 4) for task in recipe.tasks]
    seeds = list(itertools.chain(*rounds, *dagger, *held_out))
    assert len(seeds) == len(set(seeds))
    assert all(TRAINING_SEEDS <= seed < HELD_OUT_SEEDS for seed in itertools.chain(*rounds))
    assert all(HELD_OUT_SEEDS <= seed < DAGGER_SEEDS for seed in itertools.chain(*held_out))


def test_the_five_task_policy_keeps_its_numbers() -> None:
    assert list(MT5.training_seeds(7, "push-v3", 2)) == [1_000_710, 1_000_711]
    assert list(MT5.dagger_seeds(2, "door-open-v3", 1)) == [2_024_000]
    description = policy_description(MT5)
    assert [tuple(d.values())[2:] for d in description["proprioception"]] == [(-0.5, 0.5), (0.3, 1), (0, 0.5), (0, 1)]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_policy_lists_every_sentence_it_was_trained_on(recipe: Recipe) -> None:
    sentences = policy_description(recipe)["instructions"]
    assert 1 <= len(sentences) <= 256 and all(len(sentence) <= 256 for sentence in sentences)
    assert {INSTRUCTIONS[task] for task in recipe.tasks} <= set(sentences)
    assert len({" ".join(sentence.lower().split()).rstrip(".!?") for sentence in sentences}) == len(sentences)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_limits_can_bind(recipe: Recipe) -> None:
    description = policy_description(recipe)
    limits, rate = description["limits"], description["control"]["rate_hz"]
    step = np.linalg.norm([d["maximum"] for d in description["action_space"]["dimensions"] if d["role"] != "gripper"])
    assert limits["maximum_speed_m_per_s"] < step * rate
    assert limits["maximum_jump_m"] < step * description["action_space"]["chunk_length"]
    for side, (low, high) in zip("xyz", recipe.proprioception, strict=False):
        assert low <= limits["workspace"][side][0] < limits["workspace"][side][1] <= high
