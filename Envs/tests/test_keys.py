"""Keys: the Python client and plain pyzmq against a real daemon with ``--keys``."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
import zmq.auth
from test_process import environment
from uio2_client import Client, ClientError, ClientKey, InvalidKey, NotAdmitted

REPOSITORY = Path(__file__).resolve().parents[2]
UIO2 = REPOSITORY / ".build/release/uio2"
MODEL = "Tests/UnifiedIOTests/Fixtures/tiny-a"
PROMPT = "a-prompt-to-be-found"

pytestmark = pytest.mark.skipif(not UIO2.exists(), reason="swift build -c release --product uio2 has not run")


def uio2(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([UIO2, *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


class Daemon:
    """``uio2 serve`` on a free port, with what it logs."""

    def __init__(self, *arguments: str, transport: str = "tcp") -> None:
        # Over libzmq, or over our own ZMTP, which clients cannot tell apart.
        place = ["--bind" if transport == "tcp" else "--listen", f"{transport}://127.0.0.1:*"]
        command = [UIO2, "serve", *place, *arguments]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
        self._lines: list[str] = []
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        ready = self.wait_for(" ready ")
        place = next(word for word in ready.split() if f"{transport}://" in word).removeprefix("endpoint=").strip('"')
        self.address = place.replace(transport, "tcp", 1)

    def _read(self) -> None:
        for line in self._process.stderr:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()

    def wait_for(self, text: str) -> str:
        """The first line with ``text``."""
        with self._news:
            found = self._news.wait_for(lambda: [line for line in self._lines if text in line], 60)
        assert found, "".join(self._lines)
        return found[0]

    def hang_up(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        self._process.terminate()
        assert self._process.wait(60) == 0


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place") / "keys"
    for arguments in (["arm"], ["other"], ["ann", "--role", "operator"]):
        done = uio2("keys", "new", *arguments, "--directory", str(folder))
        assert done.returncode == 0, done.stderr
    # As a person with pyzmq would: its tool's file, and a line more.
    zmq.auth.create_certificates(folder, "theirs")
    public = folder / "theirs.key"
    public.write_text(public.read_text().replace("metadata\n", 'metadata\n    role = "robot"\n'))
    public.chmod(0o644)
    (folder / "theirs.key_secret").chmod(0o600)
    return folder


@pytest.fixture(scope="module", params=["tcp", "zmtp"])
def daemon(keys: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    daemon = Daemon("--model", MODEL, "--keys", str(keys), transport=request.param)
    yield daemon
    daemon.end()


def refusal(ask) -> ClientError:
    with pytest.raises(ClientError) as caught:
        ask()
    return caught.value


def test_the_files_are_certificates_of_zeromq(keys: Path) -> None:
    public, secret = zmq.auth.load_certificate(keys / "arm.key_secret")
    assert zmq.curve_public(secret) == public
    assert zmq.auth.load_certificate(keys / "arm.key") == (public, None)
    key = ClientKey.read(keys / "arm.key_secret")
    assert (key.public, key.secret) == (public, secret)
    assert key.daemon == zmq.auth.load_certificate(keys / "daemon.key")[0]
    assert secret.decode() not in repr(key) and key.token not in repr(key)
    theirs = ClientKey.read(keys / "theirs.key_secret", keys / "daemon.key")
    assert theirs.daemon == key.daemon and theirs.token is None
    assert "daemon-key" in refusal(lambda: ClientKey.read(keys / "theirs.key_secret")).message


def test_a_private_key_that_others_can_read_is_refused(keys: Path, tmp_path: Path) -> None:
    copy = tmp_path / "arm.key_secret"
    copy.write_bytes((keys / "arm.key_secret").read_bytes())
    copy.chmod(0o640)
    error = refusal(lambda: Client("tcp://127.0.0.1:9", key=copy))
    assert isinstance(error, InvalidKey) and error.field == str(copy) and "mode 0640" in error.message
    copy.chmod(0o600)
    text = copy.read_text()
    for broken in ("", text.replace("secret-key", "secret"), text.replace('public-key = "', 'public-key = "é')):
        copy.write_text(broken)
        assert refusal(lambda: ClientKey.read(copy)).code == "invalid_key"
    assert refusal(lambda: ClientKey.read(tmp_path / "none")).code == "invalid_key"
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "regular file" in refusal(lambda: ClientKey.read(tmp_path / "pipe")).message


def test_who_has_no_key_of_the_daemon_is_told_so_at_once(keys: Path, daemon: Daemon, tmp_path: Path) -> None:
    began = time.monotonic()
    with Client(daemon.address, timeout=30) as client:
        error = refusal(client.hello)
        assert isinstance(error, NotAdmitted) and error.code == "not_admitted" and "asks for a key" in error.message
    daemon.wait_for("without a key")
    zmq.auth.create_certificates(tmp_path, "strange")
    (tmp_path / "strange.key_secret").chmod(0o600)
    strange = ClientKey.read(tmp_path / "strange.key_secret", keys / "daemon.key")
    with Client(daemon.address, timeout=30, key=strange) as client:
        assert "does not know this key" in refusal(client.hello).message
    daemon.wait_for("a client with an unknown key was refused")
    assert time.monotonic() - began < 10
    # It expects another daemon.
    misled = ClientKey.read(keys / "arm.key_secret", tmp_path / "strange.key")
    with Client(daemon.address, timeout=1, key=misled) as client:
        assert "handshake" in refusal(client.hello).message


def test_a_robot_owns_its_sessions_and_an_operator_resumes(keys: Path, daemon: Daemon) -> None:
    def client(name: str, **more) -> Client:
        return Client(daemon.address, "robots", key=keys / f"{name}.key_secret", timeout=30, **more)

    with client("arm") as arm:
        arm.hello()
        assert arm.is_owner and not arm.reset()
        with client("other", token=arm.token) as other:
            other.hello()
            assert not other.is_owner
            assert refusal(other.reset).code == "not_owner"
            assert other.stop("everybody's")
            error = refusal(other.resume)
            assert (error.code, error.field) == ("not_owner", "key") and "operator" in error.message
        daemon.wait_for("not permitted")
        assert refusal(arm.resume).field == "key"
        assert refusal(lambda: arm.generate("x")).field == "key"
        with client("ann") as ann:
            assert not ann.resume()
        with Client(daemon.address, key=keys / "ann.key_secret", timeout=30) as ann:
            assert ann.generate("x", maximum_tokens=2).finish_reason
        assert not arm.reset()
    with Client(
        daemon.address, "theirs", key=keys / "theirs.key_secret", server_key=keys / "daemon.key", timeout=30
    ) as theirs:
        theirs.hello()
        assert theirs.is_owner


class Proxy:
    """Passes bytes on between a client and a daemon, and keeps them."""

    def __init__(self, target: str) -> None:
        self._target = ("127.0.0.1", int(target.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard = bytearray()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._target)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self.heard += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_a_proxy_reads_nothing(keys: Path, daemon: Daemon) -> None:
    proxy = Proxy(daemon.address)
    with Client(proxy.address, "a-session-to-be-found", key=keys / "ann.key_secret", timeout=30) as client:
        client.hello("a-name-to-be-found")
        client.generate(PROMPT, maximum_tokens=2)
    assert len(proxy.heard) > 500
    for text in (PROMPT, "a-session-to-be-found", "a-name-to-be-found"):
        assert text.encode() not in proxy.heard
    # The same ears hear everything of a daemon without keys.
    plain = Daemon("--model", MODEL)
    try:
        proxy = Proxy(plain.address)
        with Client(proxy.address, "a-session-to-be-found", timeout=30) as client:
            client.hello("a-name-to-be-found")
            client.generate(PROMPT, maximum_tokens=2)
        for text in (PROMPT, "a-session-to-be-found", "a-name-to-be-found"):
            assert text.encode() in proxy.heard
        with Client(plain.address, key=keys / "arm.key_secret", timeout=30) as client:
            assert "has no keys" in refusal(client.hello).message
    finally:
        plain.end()


def test_a_plain_socket_of_pyzmq_is_not_let_in(daemon: Daemon) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as bare:
        bare.linger = 0
        monitor = bare.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        bare.connect(daemon.address)
        bare.send(b"\x08\x02")
        assert monitor.poll(20_000)
        from zmq.utils.monitor import recv_monitor_message

        assert recv_monitor_message(monitor)["event"] == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        bare.disable_monitor()
        monitor.close(linger=0)


def test_a_key_that_is_taken_away_is_heard_no_more(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    for name in ("arm", "stays"):
        assert uio2("keys", "new", name, "--directory", str(keys)).returncode == 0
    daemon = Daemon("--model", MODEL, "--keys", str(keys))
    try:
        with (
            Client(daemon.address, "arm", key=keys / "arm.key_secret", timeout=30) as arm,
            Client(daemon.address, "stays", key=keys / "stays.key_secret", timeout=30) as stays,
        ):
            arm.hello()
            stays.hello()
            (keys / "arm.key").unlink()
            daemon.hang_up()
            daemon.wait_for("keys were looked at again")
            assert "session=arm" in daemon.wait_for("stop latched")
            error = refusal(arm.reset)
            assert (error.code, error.field) == ("not_owner", "key")
            assert not stays.reset()
        with Client(daemon.address, "arm", key=keys / "arm.key_secret", timeout=30) as again:
            assert isinstance(refusal(again.hello), NotAdmitted)
    finally:
        daemon.end()


def test_a_simulated_robot_says_what_is_wrong_with_its_key(keys: Path, daemon: Daemon, tmp_path: Path) -> None:
    def fly(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "uio2_envs", "toy", "--task", "reach-red", "--events", *arguments]
        return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)

    done = fly("--connect", daemon.address, "--key", str(tmp_path / "none"))
    assert done.returncode == 2 and "none" in done.stderr
    done = fly("--connect", daemon.address, "--server-key", "x")
    assert done.returncode == 2 and "--server-key goes with --key" in done.stderr
    done = fly("--connect", daemon.address)
    assert done.returncode == 4 and json.loads(done.stdout.splitlines()[-1])["code"] == "not_admitted"
    done = fly("--connect", daemon.address, "--key", str(keys / "arm.key_secret"))
    assert done.returncode in (3, 4) and "not_admitted" not in done.stdout, "let in: the policy is none of a robot"
