"""Perturbed scenes, the camera of published figures and shared scenes of Meta-World."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import pytest

from uio2_envs import adapters
from uio2_envs.environment import Environment
from uio2_envs.perturbed import perturbed
from uio2_envs.variant import MAXIMUM_SEVERITY, Variant

pytestmark = pytest.mark.skipif(
    find_spec("metaworld") is None or find_spec("mujoco") is None,
    reason="Meta-World is not installed: pip install -r Envs/requirements.txt",
)

LOOKS = ("camera", "light", "texture", "distractors")
PAIRS = [("push-v3", "reach-v3"), ("push-v3", "pick-place-v3")]
PAIRS += [("window-close-v3", said) for said in ("window-open-v3", "window-close-v3")]


def made(task: str = "push-v3", **options) -> Environment:
    return adapters.make("metaworld", task, Variant(**options))


@pytest.fixture(scope="module")
def push() -> Iterator[Environment]:
    """One for all tests: a scene takes a second to build, and what an episode leaves behind must not matter."""
    environment = made("push-v3")
    yield environment
    environment.close()


def picture(environment: Environment, camera: str = "corner2") -> np.ndarray:
    """The frame ``[128, 128, 3]`` that the shipped policy sees."""
    return environment.render(camera, 128, 128, 30.0).astype(float)


def states(environment: Environment, seed: int, steps: int = 30) -> np.ndarray:
    """What the body feels ``[steps, 4]`` while the expert works."""
    environment.reset(seed)
    felt = []
    for _ in range(steps):
        environment.step(environment.expert())
        felt.append(list(environment.observe().values()))
    return np.array(felt)


@pytest.mark.parametrize("kind", LOOKS)
def test_a_greater_severity_changes_the_picture_more_and_the_physics_not_at_all(push: Environment, kind: str) -> None:
    for seed in (3, 4):
        push.reset(seed)
        reference, felt = picture(push), push.observe()
        changes = []
        for severity in range(MAXIMUM_SEVERITY + 1):
            environment = perturbed(push, kind, severity)
            environment.reset(seed)
            changes.append(np.abs(picture(environment) - reference).mean())
            assert environment.observe() == felt
        assert changes[0] == 0 and changes[1] > 0.02
        assert all(one < other for one, other in zip(changes, changes[1:], strict=False)), changes


def test_a_perturbation_is_gone_with_its_episode() -> None:
    plain, inner = made("drawer-close-v3"), made("drawer-close-v3")
    expected, frame = states(plain, 5), picture(plain)
    for kind in (*LOOKS, "moved_object"):
        environment = perturbed(inner, kind, 4)
        environment.reset(1)
        first = picture(environment)
        states(environment, 2, steps=40)
        np.testing.assert_array_equal(states(inner, 5), expected)
        np.testing.assert_array_equal(picture(inner), frame)
        environment.reset(1)
        np.testing.assert_array_equal(picture(environment), first)
    plain.close()
    inner.close()


def test_the_camera_moves_and_turns_by_the_stated_amount(push: Environment) -> None:
    from uio2_envs.adapters.metaworld_look import CAMERA_SHIFT, CAMERA_TURN

    plain, environment = push, made(perturbation="camera", severity=2)
    for moved in (plain, environment):
        moved.reset(3)
    (before, before_data), (after, after_data) = (e._scene.physics for e in (plain, environment._inner))
    for index in range(before.ncam):
        standing = before.cam_bodyid[index] == 0
        shift = np.linalg.norm(after.cam_pos[index] - before.cam_pos[index])
        assert shift == pytest.approx(CAMERA_SHIFT / 2 if standing else 0.0)
        cosine = (after_data.cam_xmat[index].reshape(3, 3)[:, 2] * before_data.cam_xmat[index].reshape(3, 3)[:, 2]).sum()
        assert np.degrees(np.arccos(cosine)) == pytest.approx(CAMERA_TURN / 2, abs=1e-3)
    # The green goal is where the moved camera must see it.
    goal = before_data.site("goal").xpos
    for moved, data in ((plain, before_data), (environment, after_data)):
        frame = picture(moved)
        rows, columns = np.nonzero((frame[..., 1] > 120) & (frame[..., 0] < 80) & (frame[..., 2] < 80))
        seen = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        camera = data.camera("corner2")
        x, y, z = camera.xmat.reshape(3, 3).T @ (goal - camera.xpos)
        focal = 64 / np.tan(np.radians(15.0))
        # Turned upright by half a turn, as corner2 hangs upside down.
        np.testing.assert_allclose(seen, [64 + focal * x / z, 64 - focal * y / z], atol=1.5)
    environment.close()


@pytest.mark.parametrize("task", ["push-v3", "plate-slide-v3", "door-open-v3", "button-press-topdown-v3", "lever-pull-v3"])
def test_the_object_moves_and_the_task_can_still_be_done(task: str) -> None:
    environment = made(task)
    scene = environment._scene  # type: ignore[attr-defined]
    environment.reset(0)
    scene.step(np.zeros(4))
    before = scene.object_and_goal()[:3]
    environment.move_object(np.array([0.02, -0.01]))
    after = scene._environment._get_pos_objects()[:3]
    np.testing.assert_allclose(after - before, [0.02, -0.01, 0.0], atol=2e-3)
    assert any(environment.step(environment.expert()).success for _ in range(400))
    environment.close()


def test_the_published_view_draws_what_meta_world_draws() -> None:
    import mujoco
    from metaworld.env_dict import ENV_CLS_MAP

    environment = made(view="published")
    assert environment.specification.cameras == ("corner2",)
    assert len(environment.specification.proprioception) == 4
    environment.reset(3)
    theirs = ENV_CLS_MAP["push-v3"](render_mode="rgb_array", camera_name="corner2")
    theirs.model.cam_pos[2] = [0.75, 0.075, 0.7]
    theirs._freeze_rand_vec, theirs.seeded_rand_vec, theirs._set_task_called = False, True, True
    theirs.seed(3)
    theirs.reset()
    mujoco.mj_forward(theirs.model, theirs.data)
    expected = np.flip(theirs.render(), (0, 1)).astype(float)
    frame = environment.render("corner2", 480, 480).astype(float)
    assert np.abs(frame - expected).mean() < 0.5
    theirs.close()
    environment.close()


@pytest.mark.parametrize(("task", "said"), PAIRS)
def test_the_said_task_can_be_done_in_the_shared_scene(task: str, said: str) -> None:
    environment = made(task, instruction_from=said)
    assert environment.instruction == adapters.adapter("metaworld", [said]).TASKS[said]
    for seed in range(2):
        environment.reset(seed)
        assert not environment.step(environment.hold_action()).success, "nothing is done at the start"
        assert any(environment.step(environment.expert()).success for _ in range(300))
    environment.close()


def test_the_state_and_the_picture_do_not_tell_what_was_said() -> None:
    for task, others in (("push-v3", ("reach-v3", "push-v3")), ("door-open-v3", ("door-open-v3", "door-close-v3"))):
        seen = []
        for said in others:
            environment = made(task, instruction_from=said)
            environment.reset(6)
            frames = [picture(environment)]
            felt = [list(environment.observe().values())]
            for _ in range(20):
                environment.step([0.01, 0.005, -0.005, 0.5])
                felt.append(list(environment.observe().values()))
            seen.append((np.stack([*frames, picture(environment)]), np.array(felt)))
            environment.close()
        for frames, felt in seen[1:]:
            np.testing.assert_array_equal(frames, seen[0][0])
            np.testing.assert_array_equal(felt, seen[0][1])


@pytest.mark.parametrize(
    "task", ["door-lock-v3", "door-unlock-v3", "drawer-open-v3", "drawer-close-v3", "faucet-close-v3", "push-v3"]
)
def test_nothing_is_done_by_an_arm_that_holds_still(task: str) -> None:
    environment = made(task, instruction_from=task)
    for seed in (1000, 1001):
        environment.reset(seed)
        for _ in range(60):
            transition = environment.step(environment.hold_action())
            assert not transition.success and not transition.other_task, (seed, environment.steps)
    environment.close()


def test_doing_another_task_than_the_said_one_is_no_success() -> None:
    """The expert of one sentence works in the scene; success is measured for another."""
    for task, said, done in [("drawer-open-v3", "drawer-open-v3", "drawer-close-v3")]:
        worker, judge = made(task, instruction_from=done), made(task, instruction_from=said)
        for seed in range(2):
            worker.reset(seed)
            judge.reset(seed)
            own, other, noticed = False, False, ""
            for _ in range(150):
                action = worker.expert()
                own |= worker.step(action).success
                judged = judge.step(action)
                other |= judged.success
                noticed = noticed or judged.other_task
                if own:
                    break
            assert own and not other and noticed == done
        worker.close()
        judge.close()


def test_a_task_judges_itself_as_it_always_does() -> None:
    """With its own sentence, the shared scene's rule agrees with the plain one at every step."""
    environment = made("pick-place-v3", instruction_from="pick-place-v3")
    scene = environment._scene  # type: ignore[attr-defined]
    environment.reset(1)
    outcomes = []
    for _ in range(120):
        scene.step(scene.expert())
        plain = scene._environment.evaluate_state(scene._environment._last_stable_obs, np.zeros(4, np.float32))[1]
        outcomes.append((bool(plain["success"]), scene.success))
    assert all(one == other for one, other in outcomes) and any(one for one, _ in outcomes)
    environment.close()
