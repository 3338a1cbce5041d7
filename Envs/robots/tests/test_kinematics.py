"""The chain of a URDF, against another implementation, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from uio2_robots.kinematics import Chain, KinematicsError, read_chain

URDF = (Path(__file__).parent / "ros2" / "fr3.urdf").read_text()
JOINTS = [f"fr3_joint{number}" for number in range(1, 8)]
HOME = np.array([0.0, -0.4, 0.0, -2.42, 0.0, 2.02, 0.785])


def chain() -> Chain:
    """From the base to the tool."""
    return read_chain(URDF, "fr3_link0", "fr3_hand_tcp", JOINTS)


def test_a_chain_leads_where_another_implementation_says() -> None:
    mujoco = pytest.importorskip("mujoco")
    if not hasattr(mujoco, "MjSpec"):
        pytest.skip("this mujoco has no MjSpec")
    spec = mujoco.MjSpec.from_string(URDF)
    spec.compiler.fusestatic = False
    model = spec.compile()
    data, arm, random = mujoco.MjData(model), chain(), np.random.default_rng(0)
    hand = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "fr3_hand_tcp")
    linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    for _ in range(20):
        joints = random.uniform(arm.least, arm.greatest)
        data.qpos[:7] = joints
        mujoco.mj_forward(model, data)
        pose = arm.pose(joints)
        np.testing.assert_allclose(pose.position, data.xpos[hand], atol=1e-9)
        np.testing.assert_allclose(pose.rotation, data.xmat[hand].reshape(3, 3), atol=1e-9)
        mujoco.mj_jacBody(model, data, linear, angular, hand)
        np.testing.assert_allclose(arm.jacobian(joints), np.vstack([linear, angular])[:, :7], atol=1e-9)


def test_joint_velocities_move_the_tool_as_told() -> None:
    arm = chain()
    linear, angular = np.array([0.1, -0.05, 0.02]), np.array([0.0, 0.1, -0.2])
    velocity = arm.joint_velocity(HOME, linear, angular)
    np.testing.assert_allclose(arm.jacobian(HOME) @ velocity, [*linear, *angular], atol=0.003)


def test_no_joint_is_led_beyond_its_end_or_its_speed() -> None:
    arm = chain()
    fast = arm.joint_velocity(HOME, np.array([0.0, 50.0, 0.0]), np.zeros(3))
    assert (np.abs(fast) <= arm.speeds + 1e-9).all() and np.abs(fast / arm.speeds).max() == pytest.approx(1)
    at_end = HOME.copy()
    at_end[3] = arm.greatest[3] - 0.01
    away = arm.joint_velocity(at_end, np.array([0.3, 0.0, 0.0]), np.zeros(3))
    assert away[3] <= 0 and (away == 0).all() or away[3] < 0


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("<robot", "<robot><", "urdf"),
        ('name="fr3_hand_tcp"/>', 'name="elsewhere"/>', "fr3_hand_tcp"),
        ('<parent link="fr3_hand"/><child link="fr3_hand_tcp"/>', '<child link="fr3_hand_tcp"/>', "fr3_hand_tcp"),
        ('name="fr3_joint3" type="revolute"', 'name="fr3_joint3" type="floating"', "fr3_joint3"),
        ('name="fr3_joint3" type="revolute"', 'name="fr3_joint3" type="fixed"', "fr3_joint3"),
        ('name="fr3_joint3"', 'name="another"', "fr3_joint3"),
        ('lower="-3.0421" upper="-0.1518"', 'lower="1" upper="nan"', "fr3_joint4"),
        ('<origin xyz="0 0 0.333" rpy="0 0 0"/><axis xyz="0 0 1"/>', '<axis xyz="0 0 0"/>', "fr3_joint1"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused_by_link_or_joint(old: str, new: str, subject: str) -> None:
    assert old in URDF
    with pytest.raises(KinematicsError) as caught:
        read_chain(URDF.replace(old, new, 1), "fr3_link0", "fr3_hand_tcp", JOINTS)
    assert caught.value.subject == subject
    with pytest.raises(KinematicsError, match="does not name it"):
        read_chain(URDF, "fr3_link0", "fr3_hand_tcp", JOINTS[:-1])
