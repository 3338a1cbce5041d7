"""Two cameras behind ROS topics, a raw and a compressed one, that draw the arm as its joint states say."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
from uio2_envs.adapters.opengl import choose_backend

choose_backend()

import mujoco  # noqa: E402
import rclpy  # noqa: E402
from peer import HOME, JOINTS, Faulty, now, obey, scene, stamp  # noqa: E402
from PIL import Image as PillowImage  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.qos import qos_profile_sensor_data  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image, JointState  # noqa: E402

from uio2_robots.cameras import _Camera, _view  # noqa: E402

RATE = 15.0
"""Hz"""
WIDTH, HEIGHT = 160, 120
CAMERAS = (
    _Camera("corner2", WIDTH, HEIGHT, (1.4, 0.9, 0.8), (0.45, 0.0, 0.25), 30.0),
    _Camera("topview", WIDTH, HEIGHT, (0.5, 0.001, 1.5), (0.5, 0.0, 0.0), 45.0),
)


def main() -> None:
    model = scene(np.array([0.5, 0.0, 0.2])).compile()
    model.vis.quality.shadowsize, model.vis.quality.offsamples = 0, 0
    data = mujoco.MjData(model)
    joints = [HOME]
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("camera_peer", context=context)

    def see(message: JointState) -> None:
        places = {name: place for place, name in enumerate(message.name)}
        joints[0] = np.array([message.position[places[name]] for name in JOINTS])

    node.create_subscription(JointState, "/joint_states", see, qos_profile_sensor_data)
    corner = node.create_publisher(CompressedImage, "/corner2/image_raw/compressed", qos_profile_sensor_data)
    top = node.create_publisher(Image, "/topview/image_raw", qos_profile_sensor_data)
    publishers = {"/corner2/image_raw/compressed": Faulty(corner), "/topview/image_raw": Faulty(top)}
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    renderer = mujoco.Renderer(model, HEIGHT, WIDTH)
    noise = np.random.default_rng(0)
    obey(publishers)
    print("ready", flush=True)
    due = time.monotonic()
    while True:
        moment = now()
        data.qpos[:7] = joints[0]
        mujoco.mj_forward(model, data)
        for camera, publisher in zip(CAMERAS, publishers.values(), strict=True):
            model.vis.global_.fovy = camera.field_of_view
            renderer.update_scene(data, camera=_view(camera))
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
            frame = renderer.render().astype(np.int16)
            frame += noise.integers(-4, 5, size=frame.shape, dtype=np.int16)
            pixels = np.clip(frame, 0, 255).astype(np.uint8)
            if camera.name == "corner2":
                buffer = io.BytesIO()
                PillowImage.fromarray(pixels).save(buffer, format="JPEG", quality=90)
                message = CompressedImage(format="jpeg", data=buffer.getvalue())
            else:
                message = Image(width=WIDTH, height=HEIGHT, step=WIDTH * 3, encoding="bgr8")
                message.data = pixels[..., ::-1].tobytes()
            publisher.publish(stamp(message, moment))
        due = max(due + 1 / RATE, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
