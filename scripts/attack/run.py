"""Attacks a daemon on this machine, one kind after the other, and prints one table of what became of it.

Everything goes to a loopback address, is bounded in time and bytes, and ends by itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass

from daemon import HERE, Bystanders, Daemon, free_port
from rows import EARLY, ENDS, ROWS

BETWEEN_TWO_LOOKS = 192
"""MiB that memory may grow by before the daemon looks at it again, pages of files included."""

RESTART = 75
"""The exit code with which a daemon asks to be started again."""


@dataclass
class Outcome:
    """A row of the table."""

    attack: str
    sent: str
    daemon: str
    robot: str
    memory: str
    holds: bool

    def cells(self) -> list[str]:
        return [self.attack, self.sent, self.daemon, self.robot, self.memory, "yes" if self.holds else "NO"]


def mebibytes(count: int) -> int:
    return count >> 20


def fate(daemon: Daemon) -> str:
    """What became of the daemon, in words."""
    if not daemon.exits:
        return "goes on"
    restarts = ", ".join(f"{outage:.1f} s" for outage in daemon.outages)
    return f"ended with {daemon.exits}, back after {restarts or 'never'}"


def attack(name: str, options: argparse.Namespace) -> Outcome:
    """One row: a fresh daemon, an honest robot at 20 Hz, and the attack."""
    is_early = name in EARLY
    with Daemon(options.program, options.serve, waits=not is_early, wire=options.wire) as daemon:
        # Of one that is attacked from the start, what it has when it has been started again.
        before = 0 if is_early else daemon.memory()
        robot = None if is_early else Bystanders(daemon, options.seconds + 2)
        if robot is not None:
            # It has its first answers.
            time.sleep(1)
        has_run = True
        try:
            sent = ROWS[name](daemon, options.seconds)
        except Exception as error:  # noqa: BLE001: whatever ends a row early is no proof of anything
            sent, has_run = f"{type(error).__name__}: {error}", False
        if is_early:
            daemon.capabilities = daemon.wait()
            before = daemon.memory()
            robot = Bystanders(daemon, 2)
        result = robot.result()
        after = daemon.memory()
        # A death in the last moment is one too.
        time.sleep(0.5)
        may_end = name in ENDS
        is_alive = all(may_end and status == RESTART for status in daemon.exits)
        is_back = len(daemon.exits) == len(daemon.outages)
        ceiling = options.ceiling << 20 if options.ceiling else 0
        # Between two looks at it, memory can grow some way beyond the ceiling. What does not aim at it stays far below.
        most = (ceiling if may_end else before) + (BETWEEN_TWO_LOOKS << 20)
        is_bounded = (may_end and not ceiling) or daemon.peak <= most
        gap = result["longest_gap_ms"]
        # A restart is a gap; robots hold meanwhile.
        is_served = result["chunks"] > 0 and (bool(daemon.exits) or gap <= 500)
        return Outcome(
            name,
            sent,
            fate(daemon),
            f"{result['chunks']} answers, longest gap {gap:.0f} ms",
            f"{mebibytes(before)} → {mebibytes(daemon.peak)} → {mebibytes(after)}",
            has_run and is_alive and is_back and is_bounded and is_served,
        )


def crowd(options: argparse.Namespace) -> Outcome:
    """63 robots beside a client that sends 1,000 observations a second: to a sink that answers nothing, then to the daemon."""
    times: dict[str, list[float]] = {"sink": [], "daemon": []}
    chunks, sent = 0, ""
    before = peak = after = 0
    fates: list[str] = []
    for _ in range(options.rounds):
        for target in times:
            with Daemon(options.program, options.serve, wire=options.wire) as daemon:
                before = daemon.memory()
                flood = [sys.executable, str(HERE / "flood.py"), "--daemon", daemon.address]
                flood += ["--seconds", str(options.seconds + 3)]
                if target == "sink":
                    command = [sys.executable, str(HERE / "flood.py"), "--sink", "--seconds", str(options.seconds + 6)]
                    sink = daemon.spawn(command)
                    assert sink.stdout is not None
                    flood += ["--address", sink.stdout.readline().strip()]
                process = daemon.spawn(flood)
                time.sleep(1)
                result = Bystanders(daemon, options.seconds, robots=63, rate=options.rate).result()
                output = process.communicate(timeout=60)[0]
                times[target].append(result["p99_ms"] or float("inf"))
                fates.append(fate(daemon))
                if target == "daemon":
                    chunks, sent = chunks + result["chunks"], output.strip() or "nothing: flood.py died"
                    peak, after = max(peak, daemon.peak), daemon.memory()
    sink_p99, daemon_p99 = (sorted(values)[len(values) // 2] for values in times.values())
    return Outcome(
        f"crowd, {options.rate:g} Hz" if options.rate else "crowd, as fast as answered",
        f"63 robots beside 1,000 observations a second: {sent}",
        " / ".join(sorted(set(fates))),
        f"{chunks} answers; p99 {daemon_p99:.0f} ms, beside a sink {sink_p99:.0f} ms: {daemon_p99 / sink_p99:.2f} ×",
        f"{mebibytes(before)} → {mebibytes(peak)} → {mebibytes(after)}",
        set(fates) == {"goes on"} and sent.startswith("{") and daemon_p99 <= 2 * sink_p99,
    )


WIRES = ("zeromq", "openpi", "vla-eval")
"""The wires of a daemon; each has one hostile client in its turn."""

CLIENTS = 21
"""Honest clients of each of the other two wires, at 1 Hz each: as many as the crowd's robots, with the same load."""


def flight(daemon: Daemon, wire: str, address: str, seconds: float) -> subprocess.Popen:
    """Honest clients of a wire, in a process of their own."""
    if wire == "zeromq":
        command = [sys.executable, str(HERE / "robots.py"), "--robots", str(CLIENTS), "--times"]
    else:
        command = [sys.executable, str(HERE / "web.py"), "--scheme", wire, "--daemon", daemon.address]
        command += ["--clients", str(CLIENTS)]
    return daemon.spawn([*command, "--address", address, "--rate", "1", "--seconds", str(seconds)])


def hostile(daemon: Daemon, wire: str, address: str, seconds: float, is_sink: bool) -> subprocess.Popen:
    """One client of a wire that sends 1,000 observations a second, to the daemon or to a sink."""
    sink_address = ""
    program = str(HERE / ("flood.py" if wire == "zeromq" else "web.py"))
    if is_sink:
        sink = daemon.spawn([sys.executable, program, "--sink", "--seconds", str(seconds + 3)])
        assert sink.stdout is not None
        sink_address = sink.stdout.readline().strip()
    command = [sys.executable, program, "--daemon", daemon.address, "--rate", "1000", "--seconds", str(seconds)]
    if wire == "zeromq":
        command += ["--address", sink_address] if is_sink else []
    else:
        command += ["--flood", "--scheme", wire, "--address", sink_address or address]
        command += ["--into-sink"] if is_sink else []
    return daemon.spawn(command)


def wires(options: argparse.Namespace, bad: str) -> Outcome:
    """Three wires at once; a client of one of them floods: a sink, then the daemon. The clients of the other two are watched."""
    times: dict[str, list[float]] = {"sink": [], "daemon": []}
    answers, sent, troubles = 0, "", []
    before = peak = after = 0
    fates: set[str] = set()
    for _ in range(options.rounds):
        for target in times:
            places = {wire: f"127.0.0.1:{free_port()}" for wire in WIRES[1:]}
            listen = [word for wire, place in places.items() for word in ("--listen", f"{wire}://{place}")]
            with Daemon(options.program, [*options.serve, *listen], wire=options.wire) as daemon:
                places["zeromq"] = daemon.address
                before = daemon.memory()
                attacker = hostile(daemon, bad, places[bad], options.seconds + 3, target == "sink")
                time.sleep(1)
                flights = [flight(daemon, wire, places[wire], options.seconds) for wire in WIRES if wire != bad]
                reports = [json.loads(process.communicate(timeout=120)[0] or "{}") for process in flights]
                output = attacker.communicate(timeout=60)[0]
                found = sorted(moment for report in reports for moment in report.get("times_ms", []))
                times[target].append(found[int(0.99 * len(found))] if found else float("inf"))
                # An answer that is no command, or none at all, is worse than a late one.
                troubles += [report.get("errors") for report in reports if report.get("errors", True)]
                troubles += [report["lost"] for report in reports if report.get("lost")]
                fates.add(fate(daemon))
                if target == "daemon":
                    answers, sent = answers + len(found), output.strip() or "nothing: the attacker died"
                    peak, after = max(peak, daemon.peak), daemon.memory()
    sink_p99, daemon_p99 = (sorted(values)[len(values) // 2] for values in times.values())
    return Outcome(
        f"three wires, {bad} hostile",
        f"1,000 observations a second: {sent}",
        " / ".join(sorted(fates)),
        f"{answers} answers on the other two; p99 {daemon_p99:.0f} ms, beside a sink {sink_p99:.0f} ms: "
        f"{daemon_p99 / sink_p99:.2f} ×" + (f"; {troubles[:3]}" if troubles else ""),
        f"{mebibytes(before)} → {mebibytes(peak)} → {mebibytes(after)}",
        fates == {"goes on"} and sent.startswith("{") and not troubles and daemon_p99 <= 2 * sink_p99,
    )


def table(outcomes: list[Outcome]) -> str:
    head = ["attack", "sent", "the daemon", "robots beside it", "memory, MiB: before → peak → after", "holds"]
    lines = [head, ["---"] * len(head), *(outcome.cells() for outcome in outcomes)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/attack.sh", description=__doc__)
    names = [*ROWS, "crowd", "wires"]
    parser.add_argument("rows", nargs="*", choices=[*names, []], help="all when left out")
    parser.add_argument("--program", default=".build/release/uio2", help="the built uio2")
    parser.add_argument(
        "--wire", choices=["zeromq", "zmtp"], default="zeromq", help="what carries our own protocol: libzmq, or our own ZMTP"
    )
    parser.add_argument("--policy", default="Policies/metaworld-mt5")
    parser.add_argument("--seconds", type=float, default=6, help="of each attack")
    parser.add_argument(
        "--rounds", type=int, default=3, help="of the crowd and of the wires, to the sink and to the daemon in turn"
    )
    parser.add_argument("--hostile", default=",".join(WIRES), help="the wires that are hostile, one after the other")
    parser.add_argument("--rates", default="0,1", help="observations a second of each robot of the crowd; 0: as answered")
    parser.add_argument(
        "--ceiling", type=int, default=768, help="MiB of memory, lower than usual, so that reaching it takes little; 0: none"
    )
    options = parser.parse_args()
    if not 1 <= options.seconds <= 60 or not 1 <= options.rounds <= 9:
        parser.error("--seconds is 1 to 60, --rounds 1 to 9")
    options.serve = ["--policy", options.policy]
    if options.ceiling:
        options.serve += ["--memory-ceiling", str(options.ceiling)]
    outcomes: list[Outcome] = []
    for name in options.rows or names:
        print(f"attack: {name}", file=sys.stderr, flush=True)
        if name == "wires":
            outcomes += [wires(options, bad) for bad in options.hostile.split(",")]
            continue
        if name != "crowd":
            outcomes.append(attack(name, options))
            continue
        for rate in options.rates.split(","):
            options.rate = float(rate)
            outcomes.append(crowd(options))
    print(table(outcomes))
    sys.exit(0 if all(outcome.holds for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()
