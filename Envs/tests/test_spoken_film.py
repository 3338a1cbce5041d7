"""Films of spoken episodes: the voice is in the file, and the model's answers are in the pictures."""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from uio2_client import ClientError
from uio2_client import uio2_pb2 as pb
from uio2_envs.answers import GOAL_PROMPT, NEXT_PROMPT, film_of_spoken, goal_of, seconds_of
from uio2_envs.episode import EpisodeResult


def voice(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        tone = 8000 * np.sin(np.arange(round(16_000 * seconds)) / 20)
        sound.writeframes(tone.astype("<i2").tobytes())
    return file.getvalue()


def png(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "PNG")
    return file.getvalue()


class Model:
    """Answers as a daemon would; ``refused``: prompts that it does not take."""

    def __init__(self, refused: tuple[str, ...] = ()) -> None:
        self.asked: list[tuple[str, str, bytes, int]] = []
        self._refused = refused

    def generate(self, prompt: str, images, *, output: str, audio: bytes, **options) -> pb.Generation:
        self.asked.append((prompt, output, audio, len(images)))
        if prompt in self._refused:
            raise ClientError("unsupported", "output", "no pictures here")
        if output == "image":
            return pb.Generation(media=png((0, 0, 255)), media_type="image/png")
        return pb.Generation(text="<extra_id_699> <extra_id_450>")


CAPABILITIES = pb.Capabilities(
    cameras=[
        pb.CameraSpecification(name="side", width=64, height=64, input="image_history"),
        pb.CameraSpecification(name="front", width=64, height=64, input="image"),
    ]
)


def film(tmp_path: Path, model: Model, log: list[str]):
    clip = pb.AudioClip(encoding=pb.AUDIO_ENCODING_FILE, data=voice(0.5))
    made = film_of_spoken(tmp_path / "a" / "film.mp4", "drawer  seed 1", 20, CAPABILITIES, model, clip, log.append)
    assert made is not None
    made.begin()
    for step in range(3):
        frames = {"side": np.zeros((64, 64, 3), np.uint8), "front": np.full((64, 64, 3), 255, np.uint8)}
        made.add(frames, EpisodeResult(1, steps=4 * step, success=step == 2))
    return made.write()


def test_the_voice_is_heard_and_the_answers_are_seen(tmp_path: Path) -> None:
    model, log = Model(), []
    path = film(tmp_path, model, log)
    assert [prompt for prompt, *_ in model.asked] == [GOAL_PROMPT, NEXT_PROMPT] * 3 and log == []
    assert all(audio == voice(0.5) and count == 1 for _, _, audio, count in model.asked)
    pictures = [picture for picture in imageio.get_reader(path)]  # its length is not known before
    # A fourth of 20 a second; the first waits for the voice, the last stays for a second.
    assert len(pictures) == 3 + 4 + 5
    white, blue = pictures[-1][150, 20], pictures[-1][150, -20]
    assert white.min() > 230, "the policy's image stands first"
    assert blue[2] > 200 and blue[0] < 60, "what was expected stands last"
    assert pictures[0][150, -20].max() < 60, "nothing was expected before the first look"
    row, column = 18 + round(499 / 999 * 287), round(250 / 999 * 287)
    assert pictures[-1][row, column][1] < 120, "the cross is where the goal was said to be"
    words = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-i", path], capture_output=True, text=True, check=False)
    assert "Audio: aac" in words.stderr


def test_a_model_without_pictures_is_asked_once(tmp_path: Path) -> None:
    model, log = Model(refused=(NEXT_PROMPT,)), []
    film(tmp_path, model, log)
    assert [prompt for prompt, *_ in model.asked].count(NEXT_PROMPT) == 1
    assert len(log) == 1 and "no pictures here" in log[0]


def test_there_is_nothing_to_ask_about_without_an_image() -> None:
    clip = pb.AudioClip(encoding=pb.AUDIO_ENCODING_FILE, data=voice(0.1))
    history = pb.Capabilities(cameras=CAPABILITIES.cameras[:1])
    assert film_of_spoken(Path("x.mp4"), "", 20, history, Model(), clip, print) is None


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("<extra_id_200> <extra_id_1199>", (0.0, 1.0)),
        ("<extra_id_200> <extra_id_1199> <extra_id_300>", (0.0, 1.0)),
        ("<extra_id_199> <extra_id_300>", None),
        ("<extra_id_1200> <extra_id_300>", None),
        ("<extra_id_300>", None),
        ("on the table", None),
        ("", None),
    ],
)
def test_a_place_is_two_locations(text: str, goal: tuple[float, float] | None) -> None:
    assert goal_of(text) == goal


def test_the_length_of_a_sound() -> None:
    assert seconds_of(voice(0.5)) == pytest.approx(0.5, abs=0.01)
    assert seconds_of(b"no sound") == 0
