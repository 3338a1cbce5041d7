"""The clients as their authors publish them, against our servers.

    make check-wires
"""

import asyncio
import threading
import time
import urllib.request

import numpy as np
import pytest
import websockets
import websockets.sync.client
from openpi_client import action_chunk_broker, websocket_client_policy
from openpi_client.runtime import environment, runtime
from openpi_client.runtime.agents import policy_agent
from vla_eval.connection import Connection
from vla_eval.protocol import numpy_codec
from vla_eval.specs import DimSpec

openpi = pytest.mark.parametrize("address", ["openpi"], indirect=True)
vla_eval = pytest.mark.parametrize("address", ["vla-eval"], indirect=True)
echo = pytest.mark.parametrize("address", ["echo"], indirect=True)


def observation():
    image = np.full((24, 32, 3), 7, np.uint8)
    return {
        "observation/image": image,
        "observation/wrist_image": image,
        "observation/state": np.array([1, 2, 3.5], np.float32),
        "prompt": "push",
    }


def policy(address, **options):
    host, port = address.rsplit(":", 1)
    return websocket_client_policy.WebsocketClientPolicy(host, int(port), **options)


@openpi
def test_openpi_client_infers(address):
    client = policy(address, api_key="secret")
    assert client.get_server_metadata() == {"name": "wire-driver", "key": "Api-Key secret"}
    for _ in range(20):
        reply = client.infer(observation())
        assert reply["actions"].dtype == np.float32
        np.testing.assert_array_equal(reply["actions"], [[6.5, 4, 7, 2], [7.5, 5, 8, 3]])
        assert reply["server_timing"] == {"infer_ms": 2} and reply["policy_timing"] == {"infer_ms": 1}


@openpi
def test_openpi_broker_slices_the_chunk(address):
    broker = action_chunk_broker.ActionChunkBroker(policy(address), action_horizon=2)
    first, second, third = (broker.infer(observation()) for _ in range(3))
    np.testing.assert_array_equal(first["actions"], [6.5, 4, 7, 2])
    np.testing.assert_array_equal(second["actions"], [7.5, 5, 8, 3])
    np.testing.assert_array_equal(third["actions"], first["actions"])
    assert first["valid_for_ms"] == 80


@openpi
def test_openpi_runtime_runs_episodes(address):
    class Room(environment.Environment):
        def __init__(self):
            self.episodes = []

        def reset(self):
            self.actions = []
            self.episodes.append(self.actions)

        def is_episode_complete(self):
            return len(self.actions) == 5

        def get_observation(self):
            return observation()

        def apply_action(self, action):
            self.actions.append(action["actions"])

    room = Room()
    broker = action_chunk_broker.ActionChunkBroker(policy(address), action_horizon=2)
    runtime.Runtime(room, policy_agent.PolicyAgent(broker), [], num_episodes=2).run()
    # The runtime resets once more at the end.
    assert [[action[0] for action in episode] for episode in room.episodes] == [[6.5, 7.5, 6.5, 7.5, 6.5]] * 2 + [[]]


@openpi
def test_openpi_errors_are_text_and_the_connection_goes_on(address):
    client = policy(address)
    incomplete = observation()
    del incomplete["observation/state"]
    with pytest.raises(RuntimeError, match="missing_key: observation/state: .*expected observation/image, observation/wrist_image"):
        client.infer(incomplete)
    assert client.infer(observation())["actions"].shape == (2, 4)


@openpi
def test_openpi_refusals_and_health(address):
    with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
        policy(address, api_key="wrong")
    assert refusal.value.response.status_code == 401
    assert urllib.request.urlopen(f"http://{address}/healthz").read() == b"OK\n"


@vla_eval
@pytest.mark.parametrize("image_format, first", [("raw", 7), ("jpeg", -1), ("png", -2)])
def test_vla_eval_connection(address, image_format, first):
    async def episode():
        numpy_codec.set_image_format(image_format)
        image = np.full((24, 32, 3), 7, np.uint8)
        async with Connection(f"ws://{address}") as connection:
            info = connection.server_info
            assert info["protocol_version"] == 1 and info["model_server"] == "wire-driver"
            assert DimSpec.from_dict(info["action_spec"]["position"]) == DimSpec("position", 3, "delta_xyz", (-1, 1))
            assert info["observation_params"] == {"send_state": True}
            await connection.start_episode({"task": {"name": "push"}})
            observation = {
                "images": {"front": image, "wrist": image}, "task_description": "push", "state": np.array([1, 2, 3.5])
            }
            for _ in range(10):
                action = await connection.act(observation)
                np.testing.assert_array_equal(action["actions"], np.array([6.5, 4, first, 2], np.float32))
            with pytest.raises(RuntimeError, match="missing_key: payload.images.wrist"):
                await connection.act({**observation, "images": {"front": image}})
            assert (await connection.act(observation))["actions"].shape == (4,)
            await connection.end_episode({"metrics": {"success": True}})

    asyncio.run(episode())


@vla_eval
def test_vla_eval_live_listener(address):
    async def episode():
        numpy_codec.set_image_format("raw")
        image = np.zeros((24, 32, 3), np.uint8)
        observation = {"images": {"front": image, "wrist": image}, "task_description": "", "state": np.ones(3)}
        actions = []
        async with Connection(f"ws://{address}") as connection:
            await connection.start_episode({"task": {"name": "push"}, "mode": "live"})
            connection.on_action(actions.append)
            async with connection.listening():
                for _ in range(50):
                    await connection.send_observation(observation)
                for _ in range(200):
                    if len(actions) == 50:
                        break
                    await asyncio.sleep(0.05)
        assert len(actions) == 50

    asyncio.run(episode())


@echo
def test_pings_are_answered_while_the_server_computes(address):
    async def ping():
        async with websockets.connect(f"ws://{address}", ping_interval=0.1, ping_timeout=0.5) as socket:
            await socket.send("wait")
            begin = time.monotonic()
            await (await socket.ping())
            assert time.monotonic() - begin < 0.5
            assert await socket.recv() == "wait"

    asyncio.run(ping())


@echo
def test_messages_of_all_sizes_and_fragments(address):
    with websockets.sync.client.connect(f"ws://{address}", max_size=None, compression="deflate") as socket:
        assert socket.protocol.extensions == []
        for size in [0, 1, 125, 126, 65535, 65536, 20_000_000]:
            socket.send(bytes(size))
            assert socket.recv() == bytes(size)
        socket.send(iter([b"a" * 100_000, b"", b"b" * 100_000]))
        assert socket.recv() == b"a" * 100_000 + b"b" * 100_000


@echo
def test_many_clients_at_once(address):
    failures = []

    def client(number):
        try:
            with websockets.sync.client.connect(f"ws://{address}", max_size=None) as socket:
                for _ in range(20):
                    message = bytes([number]) * 50_000
                    socket.send(message)
                    assert socket.recv() == message
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
