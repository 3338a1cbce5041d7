"""The client's questions without a robot: every field, progress, and ending early."""

from __future__ import annotations

import subprocess
import time
import uuid
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon, error
from uio2_client import Client, ClientError, Timeout, camera_frame
from uio2_client import uio2_pb2 as pb

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / ".build" / "release" / "uio2"
MODEL = ROOT / "Tests" / "UnifiedIOTests" / "Fixtures" / "tiny-a"


def daemon(on_other) -> FakeDaemon:
    return FakeDaemon(lambda index, seen: None, on_other=on_other)


def bodies(daemon: FakeDaemon) -> list[str]:
    return [request.WhichOneof("body") for request in daemon.requests]


def wait_for(condition) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_every_field_arrives() -> None:
    with daemon(lambda request: pb.Generation(media=b"png", media_type="image/png")) as served:
        with Client(served.address) as client:
            answer = client.generate(
                "a fox in {box}",
                [pb.CameraFrame(camera="", width=1, height=1, encoding=pb.IMAGE_ENCODING_RGB8, data=b"abc")],
                output="image",
                audio=b"RIFF",
                box=(1, 2, 3, 4),
                temperature=0.0,
                top_k=3,
                top_p=0.5,
                seed=9,
                guidance=0.0,
                negative_prompt="fog",
                progress_interval=0.5,
            )
        assert (answer.media, answer.media_type) == (b"png", "image/png")
        sent = served.requests[0].generate
        assert sent.WhichOneof("temperature_choice") == "temperature" and sent.temperature == 0
        assert sent.WhichOneof("guidance_choice") == "guidance" and sent.guidance == 0
        assert (sent.output, sent.audio, sent.negative_prompt) == (pb.MODALITY_IMAGE, b"RIFF", "fog")
        assert sent.box == pb.Box(minimum_x=1, minimum_y=2, maximum_x=3, maximum_y=4)
        assert sent.progress_interval == 0, "who does not listen does not ask"


def test_what_is_left_out_is_left_to_the_daemon() -> None:
    with daemon(lambda request: pb.Generation(text="x")) as served, Client(served.address) as client:
        client.generate("y", maximum_tokens=4, beams=2)
        sent = served.requests[0].generate
        assert sent.WhichOneof("temperature_choice") is None and sent.WhichOneof("guidance_choice") is None
        assert (sent.output, sent.maximum_tokens, sent.beams) == (pb.MODALITY_TEXT, 4, 2)
        with pytest.raises(ValueError):
            client.generate("y", output="smell")


def test_progress_comes_before_the_answer() -> None:
    parts = [pb.Progress(tokens=n, token_limit=3, text="abc"[:n]) for n in (1, 2, 3)]
    with daemon(lambda request: [*parts, pb.Generation(text="abc")]) as served, Client(served.address) as client:
        seen: list[pb.Progress] = []
        assert client.generate("x", on_progress=seen.append, progress_interval=0.01).text == "abc"
        assert seen == parts
        assert served.requests[0].generate.progress_interval == 10_000_000
        assert client.generate("x").text == "abc", "progress that nobody asked for is passed over"


def test_progress_that_says_no_cancels_and_the_answer_is_what_was_said() -> None:
    def other(request: pb.Request):
        if request.WhichOneof("body") == "cancel":
            served.reply(first[0], pb.Generation(text="a", finish_reason="cancelled"), [served.identities[0]], 0.05)
            return pb.Acknowledgement()
        first.append(request)
        return pb.Progress(tokens=1, token_limit=9, text="a")

    first: list[pb.Request] = []
    with daemon(other) as served, Client(served.address) as client:
        answer = client.generate("x", on_progress=lambda progress: False)
        assert (answer.text, answer.finish_reason) == ("a", "cancelled")
        assert bodies(served) == ["generate", "cancel"]
        assert served.requests[1].cancel.request_id == served.requests[0].request_id


def test_an_answer_that_nobody_waits_for_is_cancelled() -> None:
    with daemon(lambda request: None) as served, Client(served.address, timeout=1.5) as client:
        with pytest.raises(Timeout):
            client.generate("x")
        assert wait_for(lambda: bodies(served) == ["generate", "cancel"])

    def interrupt(progress: pb.Progress) -> None:
        raise KeyboardInterrupt

    with daemon(lambda request: pb.Progress(tokens=1, token_limit=2)) as served, Client(served.address) as client:
        with pytest.raises(KeyboardInterrupt):
            client.generate("x", on_progress=interrupt)
        assert wait_for(lambda: bodies(served) == ["generate", "cancel"])


def test_progress_begins_the_timeout_anew() -> None:
    def other(request: pb.Request):
        for n in range(1, 6):
            served.reply(request, pb.Progress(tokens=n, token_limit=9), [served.identities[-1]], 0.6 * n)
        served.reply(request, pb.Generation(text="slow"), [served.identities[-1]], 3.6)

    with daemon(other) as served, Client(served.address, timeout=2.0) as client:
        assert client.generate("x", on_progress=lambda progress: None).text == "slow"


def test_another_client_of_the_session_cancels() -> None:
    with daemon(lambda request: pb.Acknowledgement()) as served, Client(served.address, session="s") as client:
        client.cancel(77)
        assert served.requests[0].cancel.request_id == 77 and served.requests[0].session_id == "s"
        assert client.request_id == served.requests[0].request_id
    with daemon(lambda request: error("unknown_request")) as served, Client(served.address) as client:
        with pytest.raises(ClientError, match="unknown_request"):
            client.cancel(1)


@pytest.mark.skipif(not TOOL.exists(), reason="the daemon is not built")
def test_the_real_daemon_answers_with_text_pictures_and_sound() -> None:
    address = f"ipc:///tmp/uio2-python-{uuid.uuid4().hex[:8]}"
    with subprocess.Popen([TOOL, "serve", "--model", MODEL, "--bind", address, "--log-level", "error"]) as process:
        try:
            with Client(address, timeout=20) as client:
                assert client.hello().policy_name == "tiny-a"
                photo = camera_frame("", (MODEL / "media" / "img_480x640.png").read_bytes())
                seen: list[pb.Progress] = []
                answer = client.generate(
                    "What is {box} ?", [photo], box=(10, 20, 300, 400), maximum_tokens=20, on_progress=seen.append,
                    progress_interval=0.001,
                )
                counts = [progress.tokens for progress in seen]
                assert counts and counts == sorted(set(counts)) and counts[-1] <= len(answer.tokens)
                assert answer.finish_reason in ("end", "length") and 0 < answer.confidence <= 1
                assert client.generate("a fox", output="image", seed=1).media.startswith(b"\x89PNG")
                sound = (MODEL / "media" / "short2p5s_16k_mono.wav").read_bytes()
                assert client.generate("rain", audio=sound, output="audio").media.startswith(b"RIFF")
                cancelled = client.generate("x", output="image", on_progress=lambda progress: False)
                assert (cancelled.finish_reason, cancelled.media) == ("cancelled", b"")
                with pytest.raises(ClientError, match="invalid_audio: generate.audio"):
                    client.generate("x", audio=b"noise")
                with pytest.raises(ClientError, match="unknown_request"):
                    client.cancel(client.request_id)
        finally:
            process.terminate()
