"""Prints the /metrics of a daemon that has flown robots and refused nonsense; fails where something is missing or not explained.

    PYTHONPATH=Envs/client:scripts/attack .venv/bin/python scripts/wires/page.py .build/release/uio2
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import robots
import zmq

SHOWN = [
    'uio2_requests_total{outcome="acted",wire="zeromq"}',
    'uio2_requests_total{outcome="malformed",wire="zeromq"}',
    'uio2_answer_seconds_count{wire="zeromq"}',
    'uio2_stage_seconds_count{stage="encode"}',
    'uio2_rejected_bytes_total{wire="zeromq"}',
    "uio2_memory_bytes",
    "uio2_memory_ceiling_bytes",
    "uio2_ready",
]
ALSO_ZERO = [
    'uio2_limited_commands_total{kind="speed"}',
    'uio2_waiting_requests{kind="observation"}',
    'uio2_sessions{state="flying"}',
    'uio2_lost_replies_total{wire="zeromq"}',
    "uio2_lost_events_total",
]


def nonsense(address: str) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(address)
        socket.send(b"\xff" * 1000)
        assert socket.poll(10_000), "no answer to nonsense"


def page(place: str) -> str:
    with urllib.request.urlopen(f"http://{place}/metrics", timeout=10) as answer:
        return answer.read().decode()


def check(text: str) -> list[str]:
    """What is wrong with a page."""
    values = {name: float(value) for name, value in re.findall(r"^(uio2_\S+) (\S+)$", text, re.M)}
    faults = [f"{name} is not above 0" for name in SHOWN if not values.get(name, 0) > 0]
    faults += [f"{name} is not shown" for name in ALSO_ZERO if name not in values]
    if "Not declared." in text:
        faults.append("something is counted that the page does not explain")
    return faults


def main(program: str) -> None:
    command = [program, "serve", "--policy", "Policies/metaworld-mt5"]
    command += ["--listen", "tcp://127.0.0.1:*", "--listen", "http://127.0.0.1:*"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            places: dict[str, str] = {}
            while len(places) < 2:
                line = process.stderr.readline()
                assert line, "the daemon has ended"
                places.update(re.findall(r"(tcp|http)://([0-9.]+:\d+)", line))
            address = f"tcp://{places['tcp']}"
            robots.fly(address, 2, 0, 1)
            nonsense(address)
            # What the page shows of now is a tenth of a second old.
            deadline = time.monotonic() + 10
            while (faults := check(text := page(places["http"]))) and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            process.terminate()
            process.stderr.read()
    print(text, end="")
    if faults:
        sys.exit("page: " + "; ".join(faults))


if __name__ == "__main__":
    main(sys.argv[1])
