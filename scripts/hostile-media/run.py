"""Runs a daemon, a robot at 20 Hz and a hostile client, for each kind of file; prints one table."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import files
from daemon import Bystanders, Daemon
from uio2_client import Client, ClientError, observation
from uio2_client import uio2_pb2 as pb

RATE = 20
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
    frames: list[pb.CameraFrame] | None = None
    """Of an observation."""
    question: dict[str, object] | None = None
    """What ``Client.generate`` is asked with beside a prompt."""
    is_heard: bool = False
    """Whether it takes a model that hears."""

    @property
    def is_sent(self) -> bool:
        """Whether there is anything to send."""
        return self.frames is not None or self.question is not None


def picture(data: bytes, side: int, encoding: int = pb.IMAGE_ENCODING_PNG, camera: str = "") -> pb.CameraFrame:
    """A frame that declares ``side`` squared, whatever its file says."""
    return pb.CameraFrame(camera=camera, encoding=encoding, width=side, height=side, data=data)


def rows(cameras: list[str], side: int, sound: Path | None) -> Iterator[Row]:
    """What is sent, in the order of the table."""

    def seen(name: str, data: bytes, encoding: int = pb.IMAGE_ENCODING_PNG) -> Row:
        frames = [picture(data, side, encoding, camera) for camera in cameras]
        return Row(name, len(data) * len(frames), frames)

    def asked(name: str, data: bytes, declared: int, encoding: int) -> Row:
        return Row(name, len(data), question={"images": [picture(data, declared, encoding)]})

    def heard(name: str, data: bytes) -> Row:
        return Row(name, len(data), question={"audio": data}, is_heard=True)

    yield Row("nothing", 0)
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
    yield Row(deaf.name, deaf.size, question=deaf.question)
    yield heard("question: FLAC of 8 × 50 M samples", flac)
    if sound is not None:
        yield heard("question: OGG of 20 minutes", sound.read_bytes())


def send(address: str, row: Row, sent: object, is_over: object) -> None:
    """Sends the row's request again and again, from a process of its own, and counts the answers."""
    with Client(address, timeout=30) as client:
        client.hello(timeout=30)
        sequence = 0
        while not is_over.is_set():  # type: ignore[attr-defined]
            sequence += 1
            try:
                if row.question is not None:
                    client.generate("What is this?", maximum_tokens=2, **row.question)
                else:
                    client.act(observation(sequence, row.frames, [0.0, 0.6, 0.2, 0.5], INSTRUCTION))
            except ClientError as error:
                if error.code in ("shutting_down", "disconnected", "timeout"):
                    return
            with sent.get_lock():  # type: ignore[attr-defined]
                sent.value += 1  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Finding:
    """What became of a row."""

    gap: float
    """Seconds without an answer for the robot."""
    end: float
    """Seconds from SIGTERM to the daemon's end."""
    answers: int
    """That the senders got, refusals included."""
    errors: dict[str, int]
    faults: list[str]
    """Why the row proves nothing."""

    @property
    def holds(self) -> bool:
        return not self.faults and self.gap <= LONGEST_GAP and self.end <= LONGEST_END


def try_row(options: argparse.Namespace, row: Row, policy: Path, address: str) -> Finding:
    """A daemon, the row's senders, and a robot at 20 Hz among them; SIGTERM comes while they are still sending."""
    context = multiprocessing.get_context("fork")
    is_over, sent = context.Event(), context.Value("l", 0)
    faults: list[str] = []
    with Daemon(options.uio2, ["--policy", str(policy), "--max-message", "16"], address=address) as daemon:
        count = SENDERS if row.is_sent else 0
        senders = [context.Process(target=send, args=(address, row, sent, is_over)) for _ in range(count)]
        try:
            for sender in senders:
                sender.start()
            result = Bystanders(daemon, options.seconds, rate=RATE).result()
            if any(not sender.is_alive() for sender in senders):
                faults.append("a sender has died")
            if daemon.exits:
                faults.append(f"the daemon ended with {daemon.exits}")
            end = daemon.end()
        finally:
            is_over.set()
            for sender in senders:
                sender.join(5)
                if sender.is_alive():
                    sender.kill()
                    sender.join()
    if any(sender.exitcode not in (0, -9) for sender in senders):
        faults.append("a sender has failed")
    if not result["chunks"]:
        faults.append("the robot got no answer")
    return Finding(result["longest_gap_ms"] / 1000, end, sent.value, result["errors"], faults)


def question_beside_robots(daemon: Daemon, robots: int, tokens: int) -> float:
    """Seconds of an answer in words beside robots that observe again as soon as they are answered."""
    team = Bystanders(daemon, 60, robots=robots, rate=0) if robots else None
    with Client(daemon.address, timeout=120) as client:
        client.hello(timeout=20)
        # They have begun.
        time.sleep(3)
        begin = time.monotonic()
        client.generate("What is this?", maximum_tokens=tokens)
        took = time.monotonic() - begin
    if team is not None:
        team.end()
    return took


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
    held = True
    with tempfile.TemporaryDirectory(prefix="uio2-media-") as name:
        folder = Path(name)
        hearing = hearing_policy(folder)
        head = ["sent by three clients, beside a robot at 20 Hz", "bytes", "answers", "longest gap", "SIGTERM"]
        print("| " + " | ".join([*head, "robot's errors", "holds"]) + " |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for number, row in enumerate(rows(cameras, side, ogg(folder))):
            if options.only not in row.name:
                continue
            policy = hearing if row.is_heard else POLICY
            found = try_row(options, row, policy, f"ipc://{folder}/row{number}.sock")
            held = held and found.holds
            cells = [row.name, f"{row.size:,}", str(found.answers), f"{found.gap:.2f} s", f"{found.end:.2f} s"]
            cells += [str(found.errors or ""), "yes" if found.holds else "NO: " + "; ".join(found.faults or ["too slow"])]
            print("| " + " | ".join(cells) + " |", flush=True)
        if options.only in "question beside robots":
            print()
            with Daemon(options.uio2, ["--policy", str(POLICY)], address=f"ipc://{folder}/share.sock") as daemon:
                for robots in (0, 4):
                    took = question_beside_robots(daemon, robots, tokens=100)
                    print(f"a question of at most 100 tokens beside {robots} robots at full rate: {took:.2f} s", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
