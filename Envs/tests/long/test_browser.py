"""The report as a browser shows it: light, dark, and as wide as a phone, without an error and without asking anyone for anything.

Run by ``make check-long`` with the Python of .venv-browser and Debian's chromium. UIO2_SCREENSHOTS names a folder that keeps the pictures.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / ".build" / "release" / "uio2"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SCREENS = {"desktop": (1280, 900), "phone": (360, 740)}
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 28)"}

PERTURBED = """
name: toy-perturbed
environment: toy
seeds: {first: 0, count: 3}
step_limit: 40
variants:
  - {severity: 0}
  - {perturbation: moved_object, severity: 2}
  - {perturbation: actuation_noise, severity: 1}
  - {perturbation: actuation_noise, severity: 4}
tasks:
  - {name: reach-red}
  - {name: reach-green}
"""


def uio2(folder: Path, *arguments: str) -> None:
    done = subprocess.run([TOOL, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of real runs: one with films and failures, one of a perturbed suite, one of two delays."""
    folder = tmp_path_factory.mktemp("reports")
    suite = (ROOT / "Envs" / "suites" / "toy.yaml").read_text()
    # So few steps that some episodes fail.
    (folder / "short.yaml").write_text(suite.replace("name: toy", "name: short").replace("step_limit: 100", "step_limit: 14"))
    (folder / "toy-perturbed.yaml").write_text(PERTURBED)
    uio2(folder, "evaluate", "./short.yaml", "--policy", "expert", "--episodes", "6", "--video", "--run", "films")
    uio2(folder, "evaluate", "./toy-perturbed.yaml", "--policy", "expert", "--run", "perturbed")
    for delay in ("0", "60"):
        uio2(folder, "evaluate", "toy", "--policy", "expert", "--episodes", "2", "--mode", "realtime",
             "--added-delay", delay, "--run", f"delay-{delay}")  # fmt: skip
    uio2(folder, "report", "films", "-o", "films.html")
    uio2(folder, "report", "perturbed", "-o", "perturbed.html")
    uio2(folder, "report", "delay-0", "delay-60", "-o", "delays.html")
    return {name: folder / f"{name}.html" for name in ("films", "perturbed", "delays")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox needs a user that is not root.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("scheme", PAPER)
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", ["films", "perturbed", "delays"])
def test_a_report_is_shown_whole(
    reports: dict[str, Path], browser: Browser, name: str, screen: str, scheme: str, tmp_path: Path
) -> None:
    width, height = SCREENS[screen]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(reports[name].as_uri(), wait_until="networkidle")
    folder = Path(os.environ.get("UIO2_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    picture = page.screenshot(path=folder / f"{name}-{screen}-{scheme}.png", full_page=True)

    assert said == []
    assert [address for address in asked if not address.startswith("data:")] == [reports[name].as_uri()]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[scheme]
    # Nothing but a table that scrolls by itself is wider than the screen.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    figures = page.locator("svg[role=img]")
    assert figures.count() == {"films": 1, "perturbed": 3, "delays": 2}[name]
    for index in range(figures.count()):
        box = figures.nth(index).bounding_box()
        assert box is not None and box["width"] > 100 and box["height"] > 60
    assert len(picture) > 20_000
    context.close()


def test_a_failure_stands_beside_a_success_on_a_wide_screen(reports: dict[str, Path], browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(reports["films"].as_uri())
    strips = page.locator(".strips")
    assert strips.count() >= 2
    boxes = [strips.nth(index).bounding_box() for index in (0, 1)]
    words = [strips.nth(index).locator("figcaption span").inner_text() for index in (0, 1)]
    assert words == ["failure", "success"] and boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]
    page.close()
