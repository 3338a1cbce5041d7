"""Runs a daemon, a robot at 20 Hz and a hostile client, for each kind of file; prints one table."""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import files
from PIL import Image
from uio2_client import Client, ClientError, camera_frame, observation
from uio2_client import uio2_pb2 as pb

PERIOD = 0.05
SENDERS = 3
LONGEST_GAP = 0.5
LONGEST_END = 1.0
POLICY = Path("Policies/metaworld-mt5")
LISTENER = Path("Tests/UnifiedIOTests/Fixtures/tiny-a")
INSTRUCTION = "Push the drawer until it is closed."


@dataclass(frozen=True)
class Row:
    """One kind of request, sent again and again."""

    name: str
    size: int
    body: pb.Generate | list[pb.CameraFrame] | None
    """A question, the frames of an observation, or nothing."""
    is_heard: bool = False
    """Whether it takes a model that hears."""


def picture(data: bytes, side: int, encoding: int = pb.IMAGE_ENCODING_PNG, camera: str = "") -> pb.CameraFrame:
    """A frame that declares ``side`` squared, whatever its file says."""
    return pb.CameraFrame(camera=camera, encoding=encoding, width=side, height=side, data=data)


def rows(cameras: list[str], side: int, sound: Path | None) -> Iterator[Row]:
    """What is sent, in the order of the table."""

    def seen(name: str, data: bytes, encoding: int = pb.IMAGE_ENCODING_PNG) -> Row:
        frames = [picture(data, side, encoding, camera) for camera in cameras]
        return Row(name, len(data) * len(frames), frames)

    def asked(name: str, data: bytes, declared: int, encoding: int) -> Row:
        question = pb.Generate(prompt="What is this?", images=[picture(data, declared, encoding)], maximum_tokens=2)
        return Row(name, len(data), question)

    def heard(name: str, data: bytes) -> Row:
        return Row(name, len(data), pb.Generate(prompt="What is this?", audio=data, maximum_tokens=2), is_heard=True)

    yield Row("nothing", 0, None)
    yield seen("PNG with 900 zTXt of 3 MiB", files.png_with_texts(side, b"zTXt"))
    yield seen("PNG with 900 iTXt of 3 MiB", files.png_with_texts(side, b"iTXt"))
    yield seen("PNG that goes on for 4 GiB", files.png_that_goes_on(side, 4 << 30))
    yield seen("PNG of 10000² declared as the camera's", files.png_of(10_000))
    yield seen("JPEG of 95 scans", files.jpeg_of_scans(side, 95), pb.IMAGE_ENCODING_JPEG)
    many = files.jpeg_of_scans(10_000, 95)
    yield asked("question: JPEG of 10000², 95 scans", many, 10_000, pb.IMAGE_ENCODING_JPEG)
    yield asked("question: the same declared as 128²", many, 128, pb.IMAGE_ENCODING_JPEG)
    large = files.jpeg_of_scans(2_000, 32)
    yield asked("question: JPEG of 2000², 32 scans", large, 2_000, pb.IMAGE_ENCODING_JPEG)
    yield asked("question: PNG of 2000²", files.png_of(2_000), 2_000, pb.IMAGE_ENCODING_PNG)
    flac = files.flac_of_silence(8, 50_000_000)
    deaf = heard("question: FLAC of 8 × 50 M samples, model without audio", flac)
    yield Row(deaf.name, deaf.size, deaf.body)
    yield heard("question: FLAC of 8 × 50 M samples", flac)
    if sound is not None:
        yield heard("question: OGG of 20 minutes", sound.read_bytes())


def send(address: str, row: Row, is_over: object) -> None:
    """Sends the row's request again and again, from a process of its own."""
    with Client(address, timeout=30) as client:
        client.hello(timeout=30)
        sequence = 0
        while not is_over.is_set():  # type: ignore[attr-defined]
            sequence += 1
            try:
                if isinstance(row.body, pb.Generate):
                    client._ask("generate", row.body, "generation", None)
                else:
                    client.act(observation(sequence, row.body, [0.0, 0.6, 0.2, 0.5], INSTRUCTION))
            except ClientError as error:
                if error.code == "shutting_down":
                    return


def views(cameras: list[str], side: int) -> list[list[pb.CameraFrame]]:
    """A few different frames, so that no camera looks frozen."""

    def view(seed: int) -> bytes:
        image = Image.frombytes("RGB", (16, 16), random.Random(seed).randbytes(16 * 16 * 3))
        file = io.BytesIO()
        image.resize((side, side)).save(file, "JPEG", quality=90)
        return file.getvalue()

    return [[camera_frame(name, view(2 * step + place)) for place, name in enumerate(cameras)] for step in range(6)]


class Robot:
    """Observes at 20 Hz and remembers when its answers came."""

    def __init__(self, address: str, moments: list[list[pb.CameraFrame]]) -> None:
        self.answers: list[float] = []
        self.errors: dict[str, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._fly, args=(address, moments))
        self._thread.start()

    def _fly(self, address: str, moments: list[list[pb.CameraFrame]]) -> None:
        with Client(address, timeout=20) as client:
            client.hello(timeout=20)
            start, step = time.monotonic(), 0
            while not self._is_over.is_set():
                step += 1
                request = observation(step, moments[step % len(moments)], [0.0, 0.6, 0.2, 0.5], INSTRUCTION)
                try:
                    client.act(request)
                    self.answers.append(time.monotonic())
                except ClientError as error:
                    self.errors[error.code] = self.errors.get(error.code, 0) + 1
                    if error.code == "shutting_down":
                        return
                # The next moment that has not passed: a late answer is not made up for.
                now = time.monotonic()
                start = max(start + PERIOD, now - PERIOD)
                time.sleep(max(0.0, start - now))

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()

    def largest_gap(self, begin: float, end: float) -> float:
        """Seconds between two answers in a row; also before the first and after the last."""
        times = [begin, *(moment for moment in self.answers if begin <= moment <= end), end]
        return max(later - earlier for earlier, later in zip(times, times[1:]))


class Daemon:
    """``uio2 serve`` of a policy at an address that only this run knows."""

    def __init__(self, program: str, policy: Path, folder: Path, name: str) -> None:
        self.address = f"ipc://{folder}/{name}.sock"
        self._log = (folder / f"{name}.log").open("w")
        command = [program, "serve", "--policy", str(policy), "--bind", self.address, "--max-message", "16"]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def end(self) -> float:
        """Sends SIGTERM; how many seconds it took until the process had ended."""
        begin = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        return time.monotonic() - begin


def try_row(daemon: Daemon, row: Row, moments: list[list[pb.CameraFrame]], seconds: float) -> tuple[float, float, dict]:
    """The robot's largest gap beside the row, the daemon's end under it, and the robot's errors."""
    robot = Robot(daemon.address, moments)
    while not robot.answers:
        time.sleep(0.01)
    context = multiprocessing.get_context("fork")
    is_over = context.Event()
    senders = [context.Process(target=send, args=(daemon.address, row, is_over)) for _ in range(SENDERS if row.body else 0)]
    begin = time.monotonic()
    for sender in senders:
        sender.start()
    time.sleep(seconds)
    gap = robot.largest_gap(begin, time.monotonic())
    errors = dict(robot.errors)
    end = daemon.end()
    is_over.set()
    robot.end()
    for sender in senders:
        sender.join(5)
        if sender.is_alive():
            sender.kill()
    return gap, end, errors


def question_beside_robots(daemon: Daemon, moments: list[list[pb.CameraFrame]], robots: int, tokens: int) -> float:
    """Seconds of an answer in words beside robots that observe again as soon as they are answered."""
    is_over = threading.Event()

    def fly() -> None:
        with Client(daemon.address, timeout=20) as client:
            client.hello(timeout=20)
            step = 0
            while not is_over.is_set():
                step += 1
                client.act(observation(step, moments[step % len(moments)], [0.0, 0.6, 0.2, 0.5], INSTRUCTION))

    threads = [threading.Thread(target=fly) for _ in range(robots)]
    for thread in threads:
        thread.start()
    try:
        with Client(daemon.address, timeout=120) as client:
            client.hello(timeout=20)
            time.sleep(1)
            begin = time.monotonic()
            client.generate("What is this?", maximum_tokens=tokens)
            return time.monotonic() - begin
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def hearing_policy(folder: Path) -> Path:
    """The shipped policy's robot with a model that hears: random weights, so that it flies nowhere in particular."""
    policy = folder / "hearing"
    policy.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.model"):
        shutil.copy(LISTENER / name, policy / name)
    shutil.copy(POLICY / "policy.json", policy / "policy.json")
    return policy


def ogg(folder: Path) -> Path | None:
    """Twenty minutes of silence; ``None`` where ffmpeg is missing."""
    path = folder / "silence.ogg"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono", "-t", "1200"]
    try:
        subprocess.run([*command, "-c:a", "libvorbis", str(path)], check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return path


def main() -> int:
    parser = argparse.ArgumentParser(prog="hostile-media.sh", description=__doc__)
    parser.add_argument("--uio2", default=".build/release/uio2", help="the program (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4, help="of each row (default: %(default)s)")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    options = parser.parse_args()
    specification = json.loads((POLICY / "policy.json").read_text())
    cameras, side = [camera["name"] for camera in specification["cameras"]], specification["cameras"][0]["width"]
    moments = views(cameras, side)
    failed = False
    with tempfile.TemporaryDirectory(prefix="uio2-media-") as name:
        folder = Path(name)
        hearing = hearing_policy(folder)
        print(f"{'beside a robot at 20 Hz':<58} {'bytes':>9} {'largest gap':>12} {'SIGTERM':>9}  robot's errors")
        for number, row in enumerate(rows(cameras, side, ogg(folder))):
            if options.only not in row.name:
                continue
            daemon = Daemon(options.uio2, hearing if row.is_heard else POLICY, folder, f"row{number}")
            gap, end, errors = try_row(daemon, row, moments, options.seconds)
            failed = failed or gap > LONGEST_GAP or end > LONGEST_END
            print(f"{row.name:<58} {row.size:>9,} {gap:>10.2f} s {end:>7.2f} s  {errors or ''}", flush=True)
        if options.only in "question beside robots":
            daemon = Daemon(options.uio2, POLICY, folder, "share")
            for robots in (0, 4):
                took = question_beside_robots(daemon, moments, robots, tokens=100)
                print(f"a question of at most 100 tokens beside {robots} robots at full rate: {took:.2f} s", flush=True)
            daemon.end()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
