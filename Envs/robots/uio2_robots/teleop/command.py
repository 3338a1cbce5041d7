"""``python -m uio2_robots teleop BODY``: a person leads a robot by keyboard or gamepad."""

from __future__ import annotations

import argparse
import logging
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from uio2_client import Client
from uio2_envs import adapters, command_line, interruption
from uio2_envs.command_line import EXIT_ENVIRONMENT, say
from uio2_envs.events import EventStream

from ..arm import ArmFailure
from ..configuration import CONFIGURATIONS, ConfigurationError, load
from ..drivers import ARMS, Franka, Ros2
from ..plan import NotConfirmed, Plan
from ..recording import Recording, RecordingFailure
from ..run import Run
from ..watchdog import WatchdogLost
from . import attended, simulated
from .hand import Hand, measure_of, part_of
from .inputs import Input, InputFailure, ScriptedInput
from .keys import HELP
from .operated import Operated, Relay
from .person import Person
from .simulated import CameraWish
from .window import PAD_HELP, Screen

EXIT_NOT_CONFIRMED = 6
INPUTS = ("keyboard", "gamepad", "terminal", "expert")


def main(arguments: Sequence[str], lines: Callable[[], str], make_input: Callable[[], Input] | None = None) -> int:
    """Runs, and returns the exit code.

    Args:
        lines: what is typed at the terminal, a line a call.
        make_input: a device instead of that of ``--input``; for tests.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.input == "expert" and options.connect is not None:
        parser.error("--input expert demonstrates alone; leave --connect out")
    if options.connect is None and (options.key or options.server_key):
        parser.error("--key and --server-key are for the daemon of --connect")
    if options.input == "expert" and options.body in ARMS:
        parser.error(f"there is no expert for {options.body}")
    key = command_line.client_key(parser, options)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    events = EventStream(command_line.claim_stdout() if options.events else None)
    interruption.install()
    screen = Screen()
    person = Person(
        make_input or (lambda: _device(options.input, screen)), None if options.connect is None else False, say
    )

    def run() -> None:
        with ExitStack() as closing:
            closing.callback(person.close)
            recording = None
            if options.record is not None:
                recording = Recording(options.record, say)
                closing.callback(recording.close)
            client, relay = None, None
            if options.connect is not None:
                relay = None if recording is None else Relay(recording.observe)
                observer = None if relay is None else relay.observe
                client = Client(options.connect, options.session, options.timeout, key=key, observer=observer)
                closing.enter_context(client)
            for line in (*HELP, *(PAD_HELP if options.input == "gamepad" else ())) if options.input != "expert" else ():
                say(line)
            drive = _drive_arm if options.body in ARMS else _drive_simulated
            drive(options, client, relay, person, recording, screen, events, lines)

    codes: dict[type[Exception], int] = {NotConfirmed: EXIT_NOT_CONFIRMED}
    known = (ConfigurationError, ArmFailure, InputFailure, RecordingFailure, WatchdogLost, OSError)
    codes |= dict.fromkeys(known, EXIT_ENVIRONMENT)
    return command_line.exit_code(run, events, "teleop", codes)


def _device(name: str, screen: Screen) -> Input:
    if name == "terminal":
        from .terminal import TerminalInput

        return TerminalInput()
    if name == "expert":
        return ScriptedInput([])
    from .window import WindowInput

    return WindowInput(screen, needs_pad=name == "gamepad")


def _session(options: argparse.Namespace) -> str:
    return options.session or f"teleop-{secrets.token_hex(4)}"


def _drive_simulated(options, client, relay, person, recording, screen, events, lines) -> None:
    name, _, task = options.body.partition(":")
    module = adapters.adapter(name, [task])
    environment = module.make(task)
    with ExitStack() as closing:
        closing.callback(environment.close)
        opened, closed = (-1.0, 1.0)
        grip = next((q for q in environment.specification.actions if part_of(q.name) == "gripper"), None)
        if grip is not None:
            opened, closed = (grip.minimum, grip.maximum) if options.opens == "least" else (grip.maximum, grip.minimum)

        def hand(capabilities):
            drives = {quantity.name: part_of(quantity.name) for quantity in capabilities.actions}
            measures = {quantity.name: measure_of(quantity.name) for quantity in capabilities.proprioception}
            return Hand(capabilities, drives, measures, options.speed, options.turn, opened, closed)

        is_program = options.input == "expert"
        operated = Operated(
            client,
            simulated.alone(environment, options.camera, 1 if is_program else None) if client is None else None,
            person,
            hand,
            _session(options),
            None if recording is None else recording.observe,
            relay=relay,
            log=say,
            plan=(lambda: [environment.expert().tolist()]) if is_program else None,
        )
        seeds = range(options.seed, options.seed + options.episodes)
        simulated.Simulated(
            environment,
            operated,
            person,
            events,
            say,
            recording,
            is_program,
            screen.show,
            options.encoding,
            options.max_steps,
        ).run(seeds, options.connect_timeout)


def _drive_arm(options, client, relay, person, recording, screen, events, lines) -> None:
    configuration = load(options.config or CONFIGURATIONS / f"{options.body}.toml")
    resources: Franka | Ros2
    if options.body == "ros2":
        resources = Ros2(configuration)
    else:
        resources = Franka(configuration, options.simulator, options.camera_rate, False)

    def hand(capabilities):
        drives = {mapped.quantity.name: mapped.part for mapped in configuration.actions}
        measures = {mapped.quantity.name: mapped.part for mapped in configuration.proprioception}
        gripping = configuration.gripping
        speed = min(options.speed, configuration.limits.speed)
        return Hand(capabilities, drives, measures, speed, options.turn, gripping.open, gripping.closed)

    operated = Operated(
        client,
        attended.alone(configuration, tuple(options.camera)) if client is None else None,
        person,
        hand,
        _session(options),
        None if recording is None else recording.observe,
        relay=relay,
        log=say,
    )
    # Keys of the terminal are the device's, once somebody has said yes.
    typed = (lambda: "") if options.input == "terminal" else lines
    confirmed = options.yes
    if not confirmed and options.input == "terminal":
        say("type yes and Enter to let the arm move:")
        if lines().strip().lower() != "yes":
            raise NotConfirmed
        confirmed = True
    # Before the arm is connected: without a device nobody could lead or stop it.
    person.start()
    for episode in range(options.episodes):
        person.begin_episode()
        plan = Plan(
            configuration,
            options.instruction,
            options.seconds,
            confirmed=confirmed or episode > 0,
            home=options.home or episode > 0,
            encoding=options.encoding,
            connect_seconds=options.connect_timeout,
        )
        run = Run(plan, operated, attended.Attended(resources, person), typed, events, say, on_frames=screen.show)
        if recording is not None:
            recording.mark("began", operated.session, task=options.instruction, seed=episode)
        result = None
        try:
            result = run.run()
        finally:
            success = True if result is not None and result.success else person.outcome
            if recording is not None:
                recording.mark("ended", operated.session, task=options.instruction, seed=episode, success=success)
        if person.has_quit:
            return


def _camera(text: str) -> CameraWish:
    """``NAME``, ``NAME=WIDTHxHEIGHT`` or ``NAME=WIDTHxHEIGHT@DEGREES``."""
    name, _, rest = text.partition("=")
    size, _, degrees = rest.partition("@")
    width, _, height = size.partition("x")
    try:
        wish = CameraWish(name, int(width or 128), int(height or width or 128), float(degrees or 0))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected NAME=WIDTHxHEIGHT@DEGREES, found {text}") from error
    if not name or wish.width < 1 or wish.height < 1 or not 0 <= wish.field_of_view < 180:
        raise argparse.ArgumentTypeError(f"expected NAME=WIDTHxHEIGHT@DEGREES, found {text}")
    return wish


def _body(text: str) -> str:
    name, _, task = text.partition(":")
    if text not in ARMS and not (name in adapters.names() and task):
        simulators = ", ".join(f"{name}:TASK" for name in adapters.names())
        raise argparse.ArgumentTypeError(f"expected {', '.join(ARMS)} or {simulators}; found {text}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="uio2_robots teleop",
        description="A person leads a robot: alone, to demonstrate, or beside a policy, to take over and hand back. "
        "What the person said is marked in the recording.",
        epilog="This is no safety-rated system: docs/arms.md.",
    )
    parser.add_argument("body", type=_body, help="franka, ros2, or a simulator and its task, as metaworld:push-v3")
    parser.add_argument("--input", choices=INPUTS, default="keyboard", help="the device (keyboard, in a window)")
    parser.add_argument(
        "--connect",
        type=command_line.address,
        metavar="ADDRESS",
        help="of a daemon whose policy leads until the person does",
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="a new MCAP file, for uio2_train from-recording")
    parser.add_argument("--episodes", type=command_line.positive, default=1, help="(1)")
    parser.add_argument(
        "--seed", type=command_line.not_negative, default=0, help="of the first episode of a simulator (0)"
    )
    parser.add_argument("--max-steps", type=command_line.positive, help="control steps of an episode of a simulator")
    parser.add_argument(
        "--camera",
        type=_camera,
        action="append",
        default=[],
        metavar="NAME=WxH@DEGREES",
        help="without --connect: a camera",
    )
    parser.add_argument("--speed", type=command_line.seconds, default=0.25, help="the greatest, m/s (0.25)")
    parser.add_argument("--turn", type=command_line.seconds, default=0.5, help="the greatest, rad/s (0.5)")
    parser.add_argument(
        "--opens", choices=("least", "most"), default="least", help="which command opens a simulated gripper (least)"
    )
    parser.add_argument("--instruction", default="", help="an arm's task")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the arm (configurations/ARM.toml)")
    parser.add_argument(
        "--seconds", type=command_line.seconds, default=120.0, help="of an arm's episode, at most (120)"
    )
    parser.add_argument("--yes", action="store_true", help="move the arm without asking; someone has looked at it")
    parser.add_argument("--home", action="store_true", help="go to the home pose first")
    parser.add_argument("--simulator", type=Path, metavar="DIR", help="franka: the folder of uio2_robots.simulator")
    parser.add_argument(
        "--camera-rate", type=command_line.seconds, default=15.0, help="franka: of drawn cameras, Hz (15)"
    )
    command_line.add_conversation(parser, timeout=1.0)
    command_line.add_session(parser)
    return parser
