"""Servers of `wire-driver` for real clients."""

import contextlib
import os
import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DRIVER = os.environ.get("WIRE_DRIVER") or REPOSITORY / ".build/release/wire-driver"


@contextlib.contextmanager
def serving(kind):
    with subprocess.Popen([DRIVER, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            assert process.wait(20) == 0


@pytest.fixture
def address(request):
    with serving(request.param) as place:
        yield place
