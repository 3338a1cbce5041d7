"""Reads checkpoints as they are published, or as ``uio2 import`` writes them; writes what ``uio2`` serves unchanged.

A folder holds ``config.json`` and the weights: ``model.safetensors`` or ``pytorch_model.bin``, in one piece or in
shards with an index. Nothing but tensors is read from a pickle.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import TrainingError
from .configuration import Configuration
from .unified_io import UnifiedIO

SHARD_BYTES = 5_000_000_000
_FORMS = ("model.safetensors", "pytorch_model.bin")
_NESTED = ("state_dict", "model", "module", "params")
_FIXED_PARTS = ("vision_transformer.", ".vqgan.")
"""Parts that the release keeps in f32 in its bf16 checkpoints."""


def weight_files(path: Path) -> list[Path]:
    """The files of a checkpoint's folder, or ``path`` itself when it is a file."""
    if path.is_file():
        return [path]
    for form in _FORMS:
        single, index = path / form, path / f"{form}.index.json"
        if single.is_file():
            return [single]
        if index.is_file():
            names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
            if any("/" in name or name == ".." for name in names):
                raise TrainingError("unknown_format", str(index), "names a shard outside its folder")
            return [path / name for name in names]
    message = f"expected {' or '.join(_FORMS)} or an index of shards; name the checkpoint's folder"
    raise TrainingError("unreadable_file", str(path), message)


def read_tensors(file: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one file, one after the other where the format allows it."""
    try:
        if file.suffix == ".safetensors":
            with safe_open(str(file), framework="pt") as source:
                for name in source.keys():  # noqa: SIM118 (not a dictionary)
                    yield name, source.get_tensor(name)
            return
        is_zip = zipfile.is_zipfile(file)  # the older form cannot be mapped
        document = torch.load(file, map_location="cpu", weights_only=True, mmap=is_zip)
    except (OSError, SafetensorError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"holds no weights that can be read ({reason}); uio2 import reads more forms"
        raise TrainingError("unreadable_file", str(file), message) from error
    if not isinstance(document, dict):
        raise TrainingError("unknown_format", str(file), "expected a dictionary of tensors")
    while not any(isinstance(value, Tensor) for value in document.values()):
        inner = next((document[name] for name in _NESTED if isinstance(document.get(name), dict)), None)
        if inner is None:
            raise TrainingError("unknown_format", str(file), "expected a dictionary of tensors")
        document = inner
    tensors = {name: value for name, value in document.items() if isinstance(value, Tensor)}
    wrapped = all(name.startswith("module.") for name in tensors)  # by DataParallel
    yield from ((name.removeprefix("module.") if wrapped else name, value) for name, value in tensors.items())


def _alias(name: str) -> str | None:
    """The vision transformer's other name: it lies with the input where that is read, else with the history."""
    for now in ("image", "audio"):
        for a, b in ((now, f"{now}_history"), (f"{now}_history", now)):
            prefix = f"input_embedders.{a}.image_encoder."
            if name.startswith(prefix):
                return f"input_embedders.{b}.image_encoder." + name.removeprefix(prefix)
    return None


def _is_left_out(name: str, configuration: Configuration) -> bool:
    """Whether a tensor belongs to a modality that the configuration leaves out, or is a table that is computed."""
    parts = name.split(".")
    if parts[0] == "input_embedders":
        return parts[1] not in configuration.input_modalities
    if parts[0] == "target_embedders":
        return parts[1] not in configuration.target_modalities or "vqgan" in parts
    return parts[0] in ("image_token_embedder", "audio_token_embedder")


def load_model(
    path: Path, configuration: Configuration | None = None, tokenizers: bool | None = None, official: bool = False
) -> UnifiedIO:
    """The model of a checkpoint, in f32.

    Args:
        path: its folder.
        configuration: in place of the folder's ``config.json``: it may leave modalities out.
        tokenizers: whether to load the tokenisers of pictures and sounds; when left out, if they are there.
        official: see ``UnifiedIO``.

    Raises:
        TrainingError: ``unreadable_file``, ``unknown_format``, ``missing_tensor``, ``surplus_tensor`` or
            ``shape_mismatch``, naming the file or tensor.
    """
    configuration = configuration or Configuration.load(path / "config.json")
    files = weight_files(path)
    found = dict(pair for file in files for pair in read_tensors(file))
    if tokenizers is None:
        tokenizers = any(".vqgan." in name for name in found)
    model = UnifiedIO(configuration, tokenizers, official)
    expected = model.state_dict()
    taken: set[str] = set()
    with torch.no_grad():
        for name, place in expected.items():
            source = name if name in found else _alias(name)
            if source is None or source not in found:
                message = f"expected {list(place.shape)}; does config.json belong to these weights?"
                raise TrainingError("missing_tensor", name, message)
            tensor = found[source]
            if not tensor.is_floating_point():
                message = f"expected weights in floating point, found {tensor.dtype}; start from unquantized ones"
                raise TrainingError("unknown_format", name, message)
            if tensor.shape != place.shape:
                message = f"expected {list(place.shape)}, found {list(tensor.shape)}"
                raise TrainingError("shape_mismatch", name, message)
            place.copy_(tensor)
            taken.add(source)
    surplus = sorted(name for name in set(found) - taken if not _is_left_out(name, configuration) and not _known(name))
    if surplus:
        message = f"belongs to no part of this configuration; {len(surplus)} such tensors"
        raise TrainingError("surplus_tensor", surplus[0], message)
    return model.eval()


def _known(name: str) -> bool:
    """A second copy of a shared vision transformer, as some exports hold it."""
    return "_history.image_encoder.vision_transformer." in name


def save_model(model: UnifiedIO, folder: Path, precision: str = "bf16", shard_bytes: int = SHARD_BYTES) -> int:
    """Writes ``config.json`` and safetensors with the released names; returns the number of weights.

    Args:
        model: without adapters (see ``lora.merge``).
        folder: made if it is missing. A reader sees the old weights or the new ones, never half of them.
        precision: ``f32``, ``bf16``, or ``release``: bf16 with vision transformers and tokenisers in f32.
        shard_bytes: bytes of one file at most.
    """
    if precision not in ("f32", "bf16", "release"):
        raise TrainingError("invalid_value", "precision", f"expected f32, bf16 or release, found {precision!r}")
    folder.mkdir(parents=True, exist_ok=True)
    weights = {}
    for name, tensor in model.state_dict().items():
        fixed = precision == "release" and any(part in name for part in _FIXED_PARTS)
        dtype = torch.float32 if precision == "f32" or fixed else torch.bfloat16
        weights[name] = tensor.detach().to("cpu", dtype).contiguous()
    shards = list(_shards(weights, shard_bytes))
    if len(shards) == 1:
        _write({name: weights[name] for name in shards[0]}, folder / "model.safetensors")
    else:
        names = {}
        for index, shard in enumerate(shards):
            file = f"model-{index + 1:05d}-of-{len(shards):05d}.safetensors"
            _write({name: weights[name] for name in shard}, folder / file)
            names.update(dict.fromkeys(shard, file))
        total = sum(tensor.nbytes for tensor in weights.values())
        index_file = folder / "model.safetensors.index.json"
        index_file.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": names}, indent=1) + "\n")
    model.configuration.save(folder / "config.json")
    return sum(tensor.numel() for tensor in weights.values())


def _shards(weights: dict[str, Tensor], limit: int) -> Iterable[list[str]]:
    shard: list[str] = []
    size = 0
    for name, tensor in weights.items():
        if shard and size + tensor.nbytes > limit:
            yield shard
            shard, size = [], 0
        shard.append(name)
        size += tensor.nbytes
    yield shard


def _write(weights: dict[str, Tensor], path: Path) -> None:
    temporary = path.with_suffix(".partial")
    save_file(weights, temporary, metadata={"format": "pt"})
    temporary.chmod(0o644)
    temporary.replace(path)
