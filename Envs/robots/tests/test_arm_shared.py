"""What processes show each other, and the way between robot and daemon that can be cut."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest

from uio2_robots import shared
from uio2_robots.faults.__main__ import table
from uio2_robots.faults.proxy import Proxy
from uio2_robots.faults.rig import speeds
from uio2_robots.faults.trial import Outcome
from uio2_robots.goals import scattered
from uio2_robots.shared import FrameFile, Trace


def test_a_trace_is_read_while_it_is_written(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_CAPACITY", 2000)
    writer = Trace(tmp_path / "trace", writes=True)
    places = scattered(np.random.default_rng(3))
    writer.goals = places
    reader = Trace(tmp_path / "trace")
    for index in range(2500):
        writer.append(index / 1000, np.full(3, index * 1e-4), np.arange(9.0))
    assert reader.count == 2500 and reader.newest["time"] == 2.499
    np.testing.assert_array_equal(reader.goals, places)
    rows = reader.since(2000)
    assert rows["time"].tolist() == [index / 1000 for index in range(2000, 2500)]
    assert speeds(rows)[-1] == pytest.approx(0.1 * np.sqrt(3))
    with pytest.raises(ValueError, match="more than the 2000"):
        reader.since(0)


def test_a_frame_is_whole_or_not_there(tmp_path) -> None:
    writer = FrameFile(tmp_path / "frame", 64, 48, writes=True)
    reader = FrameFile(tmp_path / "frame", 64, 48)
    assert reader.read() is None
    ends = threading.Event()

    def write() -> None:
        number = 0
        while not ends.is_set():
            number = (number + 1) % 250
            writer.write(np.full((48, 64, 3), number, np.uint8), number)

    worker = threading.Thread(target=write)
    worker.start()
    try:
        seen = set()
        deadline = time.monotonic() + 10
        while len(seen) < 50 and time.monotonic() < deadline:
            found = reader.read()
            if found is not None:
                frame, taken_at = found
                assert (frame == taken_at).all()
                seen.add(taken_at)
    finally:
        ends.set()
        worker.join()
    assert len(seen) == 50


def test_a_frame_that_is_never_finished_is_not_waited_for(tmp_path) -> None:
    writer = FrameFile(tmp_path / "frame", 4, 4, writes=True)
    writer.write(np.zeros((4, 4, 3), np.uint8), 5)
    reader = FrameFile(tmp_path / "frame", 4, 4)
    assert reader.read() is not None
    writer._header["frame"][0] += 1  # who writes is killed here
    assert reader.read() is None


def test_the_way_to_the_daemon_can_be_slow_cut_and_mended() -> None:
    daemon = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(daemon.getsockname()[1])
    host, port = proxy.address.removeprefix("tcp://").split(":")

    def connected() -> tuple[socket.socket, socket.socket]:
        robot = socket.create_connection((host, int(port)), timeout=5)
        end, _ = daemon.accept()
        return robot, end

    robot, end = connected()
    robot.sendall(b"question")
    assert end.recv(100) == b"question"
    proxy.delay = 0.2
    asked = time.monotonic()
    end.sendall(b"answer")
    assert robot.recv(100) == b"answer" and time.monotonic() - asked >= 0.2
    proxy.cut()
    assert robot.recv(100) == b"" and end.recv(100) == b""
    with socket.create_connection((host, int(port)), timeout=5) as refused:
        assert refused.recv(100) == b""
    proxy.mend()
    robot, end = connected()
    end.sendall(b"again")
    assert robot.recv(100) == b"again"
    proxy.close()
    daemon.close()


def test_the_table_counts_what_went_wrong() -> None:
    good = Outcome("daemon-killed", 0, speed=0.2, greatest_speed=0.2, distance=0.02, bound=0.05, seconds=0.2)
    bad = Outcome("daemon-killed", 1, failure="it moved by itself, 9.0 mm")
    rows = table([good, bad, Outcome("interrupt", 0, speed=0.1), Outcome("late-chunks", 0, "no")]).splitlines()
    assert rows[2] == "| daemon-killed | 1 of 2 | 0.20 to 0.20 m/s | 0.20 s | 20.0 mm | 50.0 mm | 40 % |"
    assert rows[3].startswith("| interrupt | 1 of 1 |") and rows[4].startswith("| late-chunks | 0 of 1 |")
