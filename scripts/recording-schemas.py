"""Writes Sources/Recording/Schemas/SchemaData.swift: what the messages of a recording look like, for whoever opens it.

Run it after a change of Sources/CProtocol/uio2.proto; Envs/tests/test_recording.py says when that was forgotten.

    python3 -m venv /tmp/schemas && /tmp/schemas/bin/pip install foxglove-schemas-protobuf==0.4.0
    /tmp/schemas/bin/python scripts/recording-schemas.py      # needs protoc
"""

import base64
import subprocess
import tempfile
from pathlib import Path

from foxglove_schemas_protobuf import CompressedImage_pb2, JointStates_pb2, Log_pb2, PoseInFrame_pb2, RawImage_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "Sources/Recording/Schemas/SchemaData.swift"
WIDTH = 100


def of_protocol() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "set"
        proto = ROOT / "Sources/CProtocol"
        subprocess.run(["protoc", f"-I{proto}", f"--descriptor_set_out={file}", "uio2.proto"], check=True)
        return file.read_bytes()


def of_file(file: FileDescriptor) -> bytes:
    """The file and all that it imports, imports first."""
    found = FileDescriptorSet()
    seen = set()

    def add(file: FileDescriptor) -> None:
        if file.name in seen:
            return
        seen.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        file.CopyToProto(found.file.add())

    add(file)
    return found.SerializeToString(deterministic=True)


def declaration(name: str, words: str, content: bytes) -> str:
    text = base64.b64encode(content).decode()
    lines = [text[start : start + WIDTH] for start in range(0, len(text), WIDTH)]
    body = "\n".join(f"    {line}\\" for line in lines[:-1]) + ("\n" if lines[:-1] else "") + f"    {lines[-1]}"
    return f'  /// {words}\n  static let {name} = """\n{body}\n    """\n'


def main() -> None:
    foxglove = [
        ("compressedImage", "CompressedImage", CompressedImage_pb2),
        ("rawImage", "RawImage", RawImage_pb2),
        ("log", "Log", Log_pb2),
        ("poseInFrame", "PoseInFrame", PoseInFrame_pb2),
        ("jointStates", "JointStates", JointStates_pb2),
    ]
    parts = [declaration("protocolMessages", "Of `uio2.proto`.", of_protocol())]
    parts += [
        declaration(name, f"Of `foxglove.{message}`, with what it imports.", of_file(module.DESCRIPTOR))
        for name, message, module in foxglove
    ]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(
        "/// FileDescriptorSets, base64. Written by scripts/recording-schemas.py; not by hand.\n"
        "///\n"
        "/// Foxglove's schemas: Copyright (c) Foxglove Technologies Inc, MIT license (github.com/foxglove/foxglove-sdk).\n"
        "enum SchemaData {\n" + "\n".join(parts) + "}\n"
    )


if __name__ == "__main__":
    main()
