"""The console in headless Chromium, beside a robot at 20 Hz: nothing grows, the daemon's answers take as long as without it, the buttons work.

Run by ``make check-long`` with the Python of .venv-browser and Debian's chromium; the robot has the Python of .venv. UIO2_CONSOLE_SECONDS
says for how long (600), UIO2_SCREENSHOTS names a folder that keeps a picture.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / ".build" / "release" / "uio2"
ROBOT_PYTHON = ROOT / ".venv" / "bin" / "python"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SECONDS = float(os.environ.get("UIO2_CONSOLE_SECONDS") or 600)
RATE = 20
WINDOW = max(5.0, min(15.0, SECONDS / 8))
"""Seconds with the console and seconds without it take turns, so that whatever else the machine does meets both."""
GROWTH = 1.10
"""Memory in the last third against that in the second."""
SLOWER = 1.25
"""The p99 with a console against that without, and ``SLACK`` ms."""
SLACK = 3.0
NASTY = "<img src=x onerror=document.title='owned'>"


class Robot:
    """A process that flies, and what it has said so far."""

    def __init__(self, address: str, session: str) -> None:
        script = Path(__file__).with_name("console_robot.py")
        self.steps: list[dict] = []
        self._process = subprocess.Popen(
            [ROBOT_PYTHON, script, address, session, str(RATE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "Envs" / "client")}, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.steps.append(json.loads(line))

    def wait(self, is_reached: Callable[[dict], bool], seconds: float = 30) -> dict:
        """The first step from now on that is as it shall be."""
        begin, seen = time.monotonic(), len(self.steps)
        while time.monotonic() < begin + seconds:
            for step in self.steps[seen:]:
                if is_reached(step):
                    return step
            seen = len(self.steps)
            time.sleep(0.01)
        raise AssertionError(f"no such step within {seconds} s; the last: {self.steps[-3:]}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)


class Served:
    """A daemon with a console."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"ipc://{folder}/daemon"
        self.url = f"http://127.0.0.1:{port}/"
        self.operator = folder / "operator"
        self.process = subprocess.Popen(
            [TOOL, "serve", "--policy", ROOT / "Policies" / "metaworld-mt5", "--bind", self.address,
             "--listen", f"console://127.0.0.1:{port}", "--operator", self.operator, "--log-level", "warning"]
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self.operator.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, "the daemon does not serve"
            time.sleep(0.05)

    @property
    def memory(self) -> int:
        """Bytes of it that are in memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        self.process.terminate()
        assert self.process.wait(30) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    daemon = Served(tmp_path_factory.mktemp("c"))
    yield daemon
    daemon.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    # Somebody else's machine in life: what it takes to draw is not the daemon's.
    polite = tmp_path_factory.mktemp("b") / "chromium"
    polite.write_text(f'#!/bin/sh\nexec nice -n 19 {CHROMIUM} "$@"\n')
    polite.chmod(0o755)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=polite, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield chromium
        chromium.close()


@pytest.fixture
def robot(served: Served, request: pytest.FixtureRequest) -> Iterator[Robot]:
    flying = Robot(served.address, getattr(request, "param", "arm"))
    try:
        flying.wait(lambda step: step["error"] is None)
        yield flying
    finally:
        flying.close()


def opened(browser: Browser, served: Served) -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": 1100, "height": 800})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(served.url)
    expect(page.locator("#link")).to_have_text("connected")
    return page, said


def drawn(page: Page) -> int:
    return int(page.evaluate("document.body.dataset.update ?? 0"))


def p99(milliseconds: list[float]) -> float:
    return sorted(milliseconds)[int(len(milliseconds) * 0.99)]


def test_stop_and_resume(served: Served, browser: Browser, robot: Robot, tmp_path: Path) -> None:
    page, said = opened(browser, served)
    card = page.locator('article[data-session="arm"]')
    expect(card).to_have_attribute("data-state", "flying")
    expect(card.locator("figure canvas")).to_have_count(2)
    assert page.evaluate(
        """[...document.querySelectorAll('figure canvas')].every(canvas =>
          new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 8)"""
    ), "a picture is empty"
    box = page.locator("#stop-everybody").bounding_box()
    assert box is not None and box["height"] >= 64 and box["width"] >= 250
    folder = Path(os.environ.get("UIO2_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / "console.png", full_page=True)

    begin = time.monotonic()
    page.locator("#stop-everybody").click()
    stopped = robot.wait(lambda step: step["error"] == "stopped")
    assert stopped["at"] - begin < 2
    expect(card).to_have_attribute("data-state", "stopped")

    page.locator("#operator summary").click()
    page.locator("#token").fill("00" * 16)
    card.locator("button.resume").click()
    expect(page.locator("#said")).to_contain_text("not_owner")
    robot.wait(lambda step: step["error"] == "stopped")
    page.locator("#token").fill(served.operator.read_text().strip())
    card.locator("button.resume").click()
    robot.wait(lambda step: step["error"] is None)
    page.locator("#admit").click()
    expect(page.locator("#newcomers")).to_be_hidden()

    page.keyboard.press("Escape")
    robot.wait(lambda step: step["error"] == "stopped")
    card.locator("button.resume").click()
    robot.wait(lambda step: step["error"] is None)
    page.locator("#admit").click()
    expect(page.locator("#newcomers")).to_be_hidden()
    assert said == []
    page.close()


@pytest.mark.parametrize("robot", [NASTY], indirect=True)
def test_what_robots_say_is_text(served: Served, browser: Browser, robot: Robot) -> None:
    page, said = opened(browser, served)
    expect(page.locator("h2").filter(has_text=NASTY)).to_have_count(1)
    assert page.title() == "uio2 console" and page.locator("article img").count() == 0
    assert said == []
    page.close()


def test_nothing_grows_and_nobody_waits(served: Served, browser: Browser, robot: Robot) -> None:
    page, said = opened(browser, served)
    tools = page.context.new_cdp_session(page)

    def heap() -> tuple[float, int]:
        tools.send("HeapProfiler.collectGarbage")
        return page.evaluate("performance.memory.usedJSHeapSize"), page.evaluate("document.querySelectorAll('*').length")

    watched: list[list[float]] = []
    alone: list[list[float]] = []
    heaps: list[float] = []
    nodes: list[int] = []
    memories: list[int] = []
    begin = time.monotonic()
    updates = 0
    while time.monotonic() < begin + SECONDS:
        for is_open, latencies in ((True, watched), (False, alone)):
            # The page closes its websocket while another document is shown.
            page.goto(served.url if is_open else "about:blank")
            if is_open:
                expect(page.locator('article[data-state="flying"]').first).to_be_visible()
            first, count = len(robot.steps), drawn(page) if is_open else 0
            page.wait_for_timeout(WINDOW * 1e3)
            latencies.append([step["ms"] for step in robot.steps[first:] if step["error"] is None])
            if is_open:
                updates += drawn(page) - count
                used, elements = heap()
                heaps.append(used)
                nodes.append(elements)
            memories.append(served.memory)
    with_console, without = (p99([ms for window in windows for ms in window]) for windows in (watched, alone))
    third = max(1, len(memories) // 3)
    early, late = statistics.median(memories[third : 2 * third] or memories), statistics.median(memories[-third:])
    heap_third = max(1, len(heaps) // 3)
    early_heap, late_heap = statistics.median(heaps[:heap_third]), statistics.median(heaps[-heap_third:])
    shown = updates / (len(watched) * WINDOW)
    print(
        f"\n{time.monotonic() - begin:.0f} s at {RATE} Hz: p99 {with_console:.1f} ms with a console, {without:.1f} ms without "
        f"(medians {statistics.median(sum(watched, [])):.1f} and {statistics.median(sum(alone, [])):.1f}); daemon "
        f"{early / 2**20:.1f} then {late / 2**20:.1f} MiB; page {early_heap / 2**20:.2f} then {late_heap / 2**20:.2f} MiB; "
        f"{shown:.1f} updates a second"
    )
    assert said == []
    assert shown > 2, "the page hardly draws"
    assert late <= early * GROWTH and late_heap <= early_heap * GROWTH + 2**20
    assert max(nodes) - min(nodes) <= 40
    assert with_console <= without * SLOWER + SLACK
    page.close()


def test_one_open_page_does_not_grow(served: Served, browser: Browser, robot: Robot) -> None:
    """As above, without closing the page in between."""
    page, said = opened(browser, served)
    tools = page.context.new_cdp_session(page)
    heaps: list[int] = []
    memories: list[int] = []
    for _ in range(6):
        page.wait_for_timeout(SECONDS / 12 * 1e3)
        tools.send("HeapProfiler.collectGarbage")
        heaps.append(page.evaluate("performance.memory.usedJSHeapSize"))
        memories.append(served.memory)
    assert drawn(page) > SECONDS / 2 * 2 and said == []
    assert statistics.median(heaps[-2:]) <= statistics.median(heaps[1:3]) * GROWTH + 2**20, heaps
    assert statistics.median(memories[-2:]) <= statistics.median(memories[1:3]) * GROWTH, memories
    page.close()
