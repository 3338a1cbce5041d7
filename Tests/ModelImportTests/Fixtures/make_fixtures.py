"""Writes the files of this folder with the real torch.save (made with torch 2.13.0+cpu): python make_fixtures.py

`micro` is a text-only model of the release's shape that is just large enough to load; the others are single faults or features.
"""
import collections
import json
import os
import struct

import torch

torch.manual_seed(7)
here = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEADS, MLP, VOCABULARY = 8, 2, 16, 24


def path(name):
  return os.path.join(here, name)


def save_safetensors(tensors, name):
  kinds = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}
  header, data = {}, b""
  for key, tensor in tensors.items():
    raw = tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    header[key] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
  text = json.dumps(header).encode()
  with open(path(name), "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)


def micro_shapes():
  yield "text_token_embedder.weight", [VOCABULARY, WIDTH]
  yield "input_embedders.text.modality_embedding", [WIDTH]
  yield "target_embedders.text.modality_embedding", [WIDTH]
  for stack, attentions in [("encoder", ["attention"]), ("decoder", ["self_attention", "encoder_decoder_attention"])]:
    layer = f"{stack}.layers_0"
    for attention in attentions:
      norm = {"attention": "pre_attention_norm", "self_attention": "pre_self_attention_norm"}
      yield f"{layer}.{norm.get(attention, 'pre_cross_attention_norm')}.scale", [WIDTH]
      for projection in ["query", "key", "value", "out"]:
        yield f"{layer}.{attention}.{projection}.weight", [WIDTH, WIDTH]
      yield f"{layer}.{attention}.query_norm.scale", [WIDTH // HEADS]
      yield f"{layer}.{attention}.key_norm.scale", [WIDTH // HEADS]
    yield f"{layer}.pre_mlp_norm.scale", [WIDTH]
    yield f"{layer}.mlp.wi_0.weight", [MLP, WIDTH]
    yield f"{layer}.mlp.wi_1.weight", [MLP, WIDTH]
    yield f"{layer}.mlp.wo.weight", [WIDTH, MLP]
    yield f"{stack}.{stack}_norm.scale", [WIDTH]


micro = collections.OrderedDict((name, torch.randn(shape)) for name, shape in micro_shapes())
micro._metadata = collections.OrderedDict({"": {"version": 1}, "encoder": {"version": 1}})
half = collections.OrderedDict((name, tensor.bfloat16()) for name, tensor in micro.items())

save_safetensors(micro, "micro.safetensors")
save_safetensors(half, "micro-bf16.safetensors")
torch.save(micro, path("micro.bin"))
torch.save(micro, path("micro-legacy.bin"), _use_new_zipfile_serialization=False)
torch.save(micro, path("micro-protocol4.bin"), pickle_protocol=4)
torch.save(half, path("micro-bf16.bin"))
torch.save({"epoch": 3, "rate": 0.5, "state_dict": micro, "note": None}, path("micro-nested.bin"))
torch.save({"module." + name: torch.nn.Parameter(tensor) for name, tensor in micro.items()}, path("micro-parameters.bin"))

base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
features = {
    "whole": base,
    "transposed": base.t(),
    "columns": base[:, 1:4],
    "every_second": base[::2, ::3],
    "permuted": torch.arange(24, dtype=torch.float32).reshape(2, 3, 4).permute(2, 0, 1),
    "expanded": torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1).expand(3, 4),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "half": (torch.arange(10, dtype=torch.float32) / 3).half(),
    "brain": (torch.arange(10, dtype=torch.float32) / 3).bfloat16(),
    "brain_transposed": (torch.arange(6, dtype=torch.float32) / 3).bfloat16().reshape(2, 3).t(),
}
save_safetensors(features, "features.safetensors")
torch.save(features, path("features.bin"))
torch.save(features, path("features-legacy.bin"), _use_new_zipfile_serialization=False)
torch.save({"integers": torch.arange(3), "floats": torch.ones(2)}, path("integers.bin"))


class Shell:
  def __reduce__(self):
    return os.system, ("touch /tmp/uio2-was-here",)


class Plain:
  pass


torch.save({"weight": torch.ones(2), "shell": Shell()}, path("hostile-system.bin"))
torch.save({"weight": torch.ones(2), "shell": Shell()}, path("hostile-system-legacy.bin"), _use_new_zipfile_serialization=False)
torch.save({"weight": torch.ones(2), "object": Plain()}, path("hostile-object.bin"))
torch.save(torch.nn.Linear(2, 2), path("hostile-module.bin"))

# torch saves a lazy negation as a mark beside bytes of the other sign.
x = torch.arange(6, dtype=torch.float32).reshape(2, 3) - 2.5
signs = {
    "plain": x,
    "negated": torch._neg_view(-x),
    "imaginary": torch.complex(torch.zeros(2, 3), -x).conj().imag,
    "transposed": torch._neg_view(-x).t(),
    "half": torch._neg_view(-x.half()),
    "brain": torch._neg_view(-x.bfloat16()),
}
assert all(signs[name].is_neg() for name in signs if name != "plain")
save_safetensors({name: tensor.resolve_neg().contiguous() for name, tensor in signs.items()}, "signs.safetensors")
torch.save(signs, path("signs.bin"))
torch.save(signs, path("signs-legacy.bin"), _use_new_zipfile_serialization=False)

# What trainers put around a state dictionary, and before its names.
small = {"weight": base, "bias": torch.tensor([1.0, -2.0])}
save_safetensors(small, "small.safetensors")
optimizer = {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.98)}]}
torch.save({"model": small, "step": torch.tensor(12000)}, path("wrapped-step.bin"))
torch.save({"state_dict": small, "epoch": 3, "rng_state": torch.arange(16, dtype=torch.uint8)}, path("wrapped-random.bin"))
torch.save({"optimizer": optimizer, "model": {"state_dict": small}, "best": float("inf")}, path("wrapped-twice.bin"))
torch.save({"module._orig_mod." + name: tensor for name, tensor in small.items()}, path("prefixed.bin"))
torch.save({"state_dict": {"model." + name: tensor for name, tensor in small.items()}, "global_step": 5}, path("prefixed-nested.bin"))
torch.save({"model": small, "module": {"weight": base}}, path("ambiguous.bin"))
