"""Pictures of ROS messages: decoding, cutting, their age, and whether they are of now."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from uio2_client import ClientError
from uio2_envs.environment import EnvironmentFailure

from uio2_robots.configuration import View
from uio2_robots.freshness import Freshness
from uio2_robots.ros2.bus import Picture
from uio2_robots.ros2.cameras import Ros2Cameras
from uio2_robots.ros2.pictures import decode, fitted

SECOND = 10**9


def picture(frame: np.ndarray, encoding: str, pad: int = 0) -> Picture:
    height, width, size = frame.shape
    rows = np.pad(frame.reshape(height, width * size), ((0, 0), (0, pad)))
    return Picture(1, encoding, width, height, width * size + pad, rows.tobytes())


def test_pictures_of_all_encodings_are_the_same() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    alpha = np.full((6, 8, 1), 7, np.uint8)
    bgr = rgb[..., ::-1]
    for encoding, pixels in (
        ("rgb8", rgb),
        ("bgr8", bgr),
        ("rgba8", np.concatenate([rgb, alpha], axis=2)),
        ("bgra8", np.concatenate([bgr, alpha], axis=2)),
    ):
        np.testing.assert_array_equal(decode(picture(pixels, encoding, pad=5), False), rgb)
    grey = decode(picture(rgb[..., :1], "mono8"), False)
    assert (grey == rgb[..., :1]).all()
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="PNG")
    np.testing.assert_array_equal(decode(Picture(1, "png", 0, 0, 0, buffer.getvalue()), True), rgb)


@pytest.mark.parametrize(
    ("broken", "is_compressed"),
    [
        (Picture(1, "rgb8", 8, 6, 24, bytes(100)), False),
        (Picture(1, "rgb8", 8, 6, 8, bytes(1000)), False),
        (Picture(1, "rgb8", 0, 0, 0, b""), False),
        (Picture(1, "16UC1", 8, 6, 16, bytes(96)), False),
        (Picture(1, "jpeg", 0, 0, 0, b"\xff\xd8\xff\xe0nothing"), True),
        (Picture(1, "gif", 0, 0, 0, b"GIF89a\x01\x00\x01\x00\x00\x00\x00"), True),
    ],
)
def test_damaged_pictures_are_refused(broken: Picture, is_compressed: bool) -> None:
    with pytest.raises(ValueError):
        decode(broken, is_compressed)


def test_the_middle_is_cut_out_to_the_field_of_view() -> None:
    frame = np.zeros((120, 160, 3), np.uint8)
    frame[30:90, 50:110] = 255
    half = float(np.degrees(2 * np.arctan(np.tan(np.radians(20)) / 2)))
    assert fitted(frame, 32, 32, 40.0, half)[1:-1, 1:-1].min() == 255
    whole = fitted(frame, 64, 64, 40.0, 0.0)
    assert whole.shape == (64, 64, 3) and whole[0, 32].max() == 0 and whole[32, 32].min() == 255
    assert fitted(frame, 160, 120, 40.0, 0.0) is frame
    with pytest.raises(ValueError, match="do not hold"):
        fitted(frame, 32, 32, 40.0, 60.0)
    with pytest.raises(ValueError, match="do not hold"):
        fitted(frame, 64, 32, 40.0, 40.0)


class Camera:
    """A bus of one picture."""

    def __init__(self, shown: Picture | None) -> None:
        self.shown, self.moment = shown, 10 * SECOND

    def now(self) -> int:
        return self.moment

    def picture(self, topic: str) -> Picture | None:
        return self.shown

    def sleep(self, seconds: float) -> None:
        self.moment += round(seconds * SECOND)


@pytest.mark.parametrize(
    ("stamp", "code"),
    [(None, "camera_silent"), (0, "camera_unstamped"), (8.5, "camera_silent"), (10.5, "camera_clock"), (9.8, "")],
)
def test_a_camera_is_as_old_as_its_header_says(stamp: float | None, code: str) -> None:
    frame = np.full((4, 4, 3), 9, np.uint8)
    shown = None if stamp is None else replace(picture(frame, "rgb8"), stamp=round(stamp * SECOND))
    bus = Camera(shown)
    cameras = Ros2Cameras({"top": View(None, None, 45.0, "/top", False)}, bus, lambda: bus.moment + 5, bus.sleep)  # type: ignore[arg-type]
    if code:
        with pytest.raises(EnvironmentFailure) as caught:
            cameras.newest("top", 4, 4, 0.0)
        assert caught.value.code == code and caught.value.subject == "top (/top)"
    else:
        found, taken_at = cameras.newest("top", 4, 4, 0.0)
        np.testing.assert_array_equal(found, frame)
        assert taken_at == round(9.8 * SECOND) + 5


# Whether pictures are of now.


def test_late_and_frozen_pictures_are_trouble() -> None:
    fresh = Freshness(0.3, 0.5, {"top": "top (/top)"})
    still, place = np.zeros((2, 2, 3), np.uint8), np.zeros(3)
    fresh.note("top", still, SECOND, place)
    assert fresh.oldest == SECOND and fresh.trouble(round(1.2 * SECOND)) is None
    late = fresh.trouble(round(1.4 * SECOND))
    assert isinstance(late, ClientError) and late.code == "stale_observation" and late.field == "top (/top)"
    fresh.note("top", still.copy(), 2 * SECOND, place)
    assert fresh.trouble(2 * SECOND) is None, "an arm at rest sees the same"
    fresh.note("top", still.copy(), round(2.1 * SECOND), place + 0.02)
    frozen = fresh.trouble(round(2.1 * SECOND))
    assert frozen is not None and frozen.code == "frozen_camera" and "same picture" in frozen.message
    fresh.note("top", still + 1, round(2.2 * SECOND), place)
    assert fresh.trouble(round(2.2 * SECOND)) is None
