"""Writes the fixtures of the wires' tests: bytes as the real packages make them, and what they mean.

    make .venv-wires/installed && .venv-wires/bin/python scripts/wires/record.py

The files are committed; run it again when a package's version changes in requirements.txt.
"""

import io
import json
import pathlib

import msgpack
import msgpack_numpy
import numpy as np
from openpi_client import msgpack_numpy as openpi_numpy
from vla_eval.protocol import messages as vla
from vla_eval.protocol import numpy_codec

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
ELEMENTS = ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"]
SHAPES = [(), (0,), (5,), (2, 3), (2, 1, 3), (2, 3, 2, 2)]


def write(suite, contents):
    path = TESTS / suite / "Fixtures" / "recorded.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents, indent=1, sort_keys=True) + "\n")
    print(path, path.stat().st_size, "bytes")


def numbers(element, shape):
    count = int(np.prod(shape, dtype=int))
    values = (np.arange(count) * 7 - 9) / 4 if element[1] == "f" else np.arange(count) * 7 - (9 if element[1] == "i" else 0)
    return values.astype(element).reshape(shape)


def npy(array, version=(1, 0)):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def arrays():
    cases = []

    def add(name, array, packed):
        values = [float(value) for value in np.asarray(array).flatten(order="C")]
        cases.append({"name": name, "element": array.dtype.str, "shape": list(array.shape), "values": values, "hex": packed.hex()})

    for element in ELEMENTS:
        for shape in SHAPES:
            array = numbers(element, shape)
            name = f"{element} {shape}"
            add(f"openpi {name}", array, openpi_numpy.packb(array))
            numpy_codec.set_image_format("raw")
            add(f"vla-eval {name}", array, msgpack.packb(array, default=numpy_codec.encode_ndarray))
            add(f"msgpack-numpy {name}", array, msgpack_numpy.packb(array))
            add(f"npy {name}", array, msgpack.packb({"__ndarray_class__": True, "as_npy": npy(array)}))
    for version in [(1, 0), (2, 0), (3, 0)]:
        for order in "CF":
            for shape in [(3,), (2, 3), (4, 3, 2), (2, 3, 2, 2)]:
                array = np.asarray(numbers("<f4", shape), order=order)
                packed = msgpack.packb({"__ndarray_class__": True, "as_npy": npy(array, version)})
                add(f"npy version {version[0]} order {order} {shape}", array, packed)
    return cases


def refused_arrays():
    cases = {
        "big-endian": np.arange(3, dtype=">f4"),
        "text": np.array(["a", "b"]),
        "times": np.array(["2020-01-01"], dtype="M8[s]"),
    }
    packed = {name: openpi_numpy.packb(array) for name, array in cases.items()}
    packed["complex"] = msgpack_numpy.packb(np.arange(2, dtype="c8"))
    packed["objects"] = msgpack_numpy.packb(np.array([{}, []], dtype=object))
    packed["structured"] = msgpack_numpy.packb(np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
    packed["structured npy"] = msgpack.packb(
        {"__ndarray_class__": True, "as_npy": npy(np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))}
    )
    return {name: data.hex() for name, data in packed.items()}


def scalars():
    return [
        {"value": float(value), "hex": pack(value).hex()}
        for value in [np.float32(1.5), np.float64(-2.25), np.int8(-7), np.uint16(65535), np.bool_(True)]
        for pack in [openpi_numpy.packb, msgpack_numpy.packb]
    ]


def values():
    """What Python's msgpack writes, in its shortest form: reading and writing it again gives the same bytes."""
    whole = [sign * (1 << bits) + step for bits in [0, 5, 7, 8, 15, 16, 31, 32, 62] for sign in [1, -1] for step in [-1, 0, 1]]
    samples = [None, True, False, *whole, (1 << 64) - 1, -(1 << 63), 0.1, -1e300, float("inf")]
    samples += ["a" * length for length in [0, 1, 31, 32, 255, 256, 65535, 65536][:6]] + ["Größe 測 🤖"]
    samples += [b"b" * length for length in [0, 1, 255, 256]]
    samples += [list(range(length)) for length in [0, 15, 16]] + [[[[[]]]], {"a": {b"a": 1, "b": [None]}, 3: "three"}]
    samples += [{str(index): index for index in range(length)} for length in [0, 15, 16]]
    samples += [msgpack.ExtType(5, b"x" * length) for length in [1, 2, 3, 4, 8, 16, 17, 300]]
    return [msgpack.packb(sample).hex() for sample in samples]


def openpi():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    observation = {
        "observation/image": image,
        "observation/wrist_image": image[:, ::-1].copy(),
        "observation/state": np.array([0.5, -1.25, 3.0], np.float32),
        "prompt": "push the puck",
    }
    droid = {
        "observation/exterior_image_1_left": image,
        "observation/joint_position": np.arange(7) / 8,
        "observation/gripper_position": np.array([0.25]),
        "prompt": "pick it up",
        "session_id": "a",
        "env_id": 3,
        "reset": True,
    }
    aloha = {
        "state": np.ones(14),
        "images": {"cam_high": np.transpose(image, (2, 0, 1)).copy(), "cam_low": (image / 255).astype(np.float32)},
        "prompt": "open the cap",
    }
    return {
        "image": image.tobytes().hex(),
        "mirrored": image[:, ::-1].tobytes().hex(),
        "libero": openpi_numpy.packb(observation).hex(),
        "droid": openpi_numpy.packb(droid).hex(),
        "aloha": openpi_numpy.packb(aloha).hex(),
        "reply": openpi_numpy.packb({
            "actions": np.arange(6, dtype=np.float32).reshape(2, 3),
            "server_timing": {"infer_ms": 2.5},
            "policy_timing": {"infer_ms": 1.5},
            "valid_for_ms": 80.0,
        }).hex(),
    }


def vla_eval():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    frames = {}

    def frame(name, kind, payload, seq, image_format="png"):
        numpy_codec.set_image_format(image_format)
        frames[name] = vla.pack_message(vla.Message(kind, payload, seq, 1700000000.5)).hex()

    frame("hello", vla.MessageType.HELLO, vla.make_hello_payload(benchmark="MetaWorld"), 1)
    frame("hello without benchmark", vla.MessageType.HELLO, vla.make_hello_payload(), 1)
    frame("episode_start", vla.MessageType.EPISODE_START, {"task": {"name": "push", "suite": "x"}}, 2)
    frame("live episode_start", vla.MessageType.EPISODE_START, {"task": {"name": "push"}, "mode": "live"}, 2)
    observation = {
        "images": {"agentview": image, "wrist": image[:, ::-1].copy()},
        "task_description": "push the puck",
        "state": np.array([0.5, -1.25, 3.0]),
    }
    for image_format in ["raw", "png", "jpeg"]:
        frame(f"observation {image_format}", vla.MessageType.OBSERVATION, observation, 3, image_format)
    libero = {"images": {"agentview": image}, "task_description": "push", "states": np.ones(8, np.float32)}
    frame("observation states", vla.MessageType.OBSERVATION, libero, 4, "raw")
    frame("episode_end", vla.MessageType.EPISODE_END, {"metrics": {"success": True}, "steps": 9, "elapsed_sec": 1.5}, 5)
    frame("error", vla.MessageType.ERROR, {"error": "the simulator is gone"}, 6)
    frame("action", vla.MessageType.ACTION, {"actions": np.arange(4, dtype=np.float32), "deadline_ms": 80.0}, 3)
    return {"image": image.tobytes().hex(), "mirrored": image[:, ::-1].tobytes().hex(), "frames": frames}


write("MessagePackTests", {"arrays": arrays(), "refused": refused_arrays(), "scalars": scalars(), "values": values()})
write("OpenPITests", openpi())
write("VLAEvalTests", vla_eval())
