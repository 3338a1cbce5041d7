"""Writes the files of this folder (made with torch 2.13.0+cpu): python make_vocoder.py

Two small HiFi-GAN generators with random weights, written here with PyTorch's own layers, and what they make of one spectrogram:
`single` has blocks of kind "2" and is saved as HiFi-GAN's training does, `double` has blocks of kind "1" and is saved as safetensors
without weight norm.
"""
import json
import os
import warnings

import numpy
import torch
from safetensors.torch import save_file
from torch.nn import functional

warnings.simplefilter("ignore")
torch.manual_seed(11)
here = os.path.dirname(os.path.abspath(__file__))
STEPS = 9
CONFIGURATIONS = {
  "single": {
    "resblock": "2", "upsample_rates": [8, 8, 4], "upsample_kernel_sizes": [16, 16, 8], "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3, 5], "resblock_dilation_sizes": [[1, 2], [2, 6]], "num_mels": 128, "sampling_rate": 16000,
    "segment_size": 8192, "fmax_for_loss": None,
  },
  "double": {
    "resblock": "1", "upsample_rates": [16, 16], "upsample_kernel_sizes": [32, 16], "upsample_initial_channel": 8,
    "resblock_kernel_sizes": [3, 7], "resblock_dilation_sizes": [[1, 3, 5], [1, 2]],
  },
}


def convolution(inputs, outputs, kernel, dilation=1):
  padding = dilation * (kernel - 1) // 2
  return torch.nn.utils.weight_norm(torch.nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=padding))


class Block(torch.nn.Module):
  def __init__(self, kind, channels, kernel, dilations):
    super().__init__()
    dilated = torch.nn.ModuleList([convolution(channels, channels, kernel, d) for d in dilations])
    if kind == "1":
      self.convs1 = dilated
      self.convs2 = torch.nn.ModuleList([convolution(channels, channels, kernel) for _ in dilations])
    else:
      self.convs = dilated
    self.kind = kind

  def forward(self, x):
    if self.kind == "2":
      for layer in self.convs:
        x = x + layer(functional.leaky_relu(x, 0.1))
      return x
    for first, second in zip(self.convs1, self.convs2):
      x = x + second(functional.leaky_relu(first(functional.leaky_relu(x, 0.1)), 0.1))
    return x


class Generator(torch.nn.Module):
  def __init__(self, c):
    super().__init__()
    width = c["upsample_initial_channel"]
    self.count = len(c["resblock_kernel_sizes"])
    self.conv_pre = convolution(128, width, 7)
    self.ups, self.resblocks = torch.nn.ModuleList(), torch.nn.ModuleList()
    for rate, kernel in zip(c["upsample_rates"], c["upsample_kernel_sizes"]):
      layer = torch.nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2)
      self.ups.append(torch.nn.utils.weight_norm(layer))
      width //= 2
      for size, dilations in zip(c["resblock_kernel_sizes"], c["resblock_dilation_sizes"]):
        self.resblocks.append(Block(c["resblock"], width, size, dilations))
    self.conv_post = convolution(width, 1, 7)

  def forward(self, x):
    x = self.conv_pre(x)
    for stage, layer in enumerate(self.ups):
      x = layer(functional.leaky_relu(x, 0.1))
      blocks = self.resblocks[stage * self.count:(stage + 1) * self.count]
      x = sum(block(x) for block in blocks) / self.count
    return torch.tanh(self.conv_post(functional.leaky_relu(x)))


spectrogram = torch.randn(1, 128, STEPS) * 2 - 4
expected = {"spectrogram": spectrogram[0].T.contiguous()}
for name, configuration in CONFIGURATIONS.items():
  generator = Generator(configuration).eval()
  with torch.no_grad():
    for parameter_name, parameter in generator.named_parameters():
      # Lengths other than those of the directions, so that they matter.
      if parameter_name.endswith("weight_g"):
        parameter.mul_(0.5 + torch.rand_like(parameter))
    # Loud enough for the last activation to bend.
    generator.conv_post.weight_g.mul_(8)
    # In double precision: what is compared with should be the better of both.
    expected[name] = generator.double()(spectrogram.double())[0, 0].float()
  generator.float()
  folder = os.path.join(here, name)
  os.makedirs(folder, exist_ok=True)
  with open(os.path.join(folder, "config.json"), "w") as file:
    json.dump(configuration, file, indent=2)
    file.write("\n")
  if name == "single":
    torch.save({"generator": generator.state_dict()}, os.path.join(folder, "g_00000012"))
  else:
    for module in generator.modules():
      if hasattr(module, "weight_g"):
        torch.nn.utils.remove_weight_norm(module)
    save_file(generator.state_dict(), os.path.join(folder, "model.safetensors"))
  values = expected[name].numpy()
  print(name, "samples from", values.min(), "to", values.max(), "deviation", numpy.std(values))
save_file(expected, os.path.join(here, "expected.safetensors"))
