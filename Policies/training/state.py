"""A run's state on disk: an exact checkpoint for the next start here, and a small one that outlives the machine.

The checkpoint (``checkpoint.pt``) is float32 and complete. The portable state (``.safetensors``) is bf16: weights,
their running average and AdamW's moments, with the tokenizer and the counters; Muon's momentum is left out, since
twenty steps bring it back.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from model import PolicyModel


@dataclass
class Progress:
    """How far a run is. ``seconds`` counts time spent training; rounds are those that data has been made for."""

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    warm_up_from: int = 0
    """The step from which the learning rate rises again after a start without the optimiser's whole state."""
    next_round: int = 0
    next_dagger_round: int = 0


@dataclass
class TrainingState:
    """Everything that a step changes."""

    model: PolicyModel
    average: PolicyModel
    optimisers: list[torch.optim.Optimizer]
    progress: Progress

    def save(self, path: Path) -> None:
        """Writes the exact checkpoint; a crash leaves the previous one whole."""
        state = {
            "model": self.model.state_dict(), "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers], **asdict(self.progress),
        }  # fmt: skip
        temporary = path.with_suffix(".partial")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Continues from an exact checkpoint."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.progress = Progress(**{name: state[name] for name in asdict(Progress())})

    def _adam(self) -> torch.optim.Optimizer:
        return self.optimisers[-1]

    def save_portable(self, path: Path, tokenizer: Path) -> None:
        """Writes the bf16 state with the file ``tokenizer`` inside."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        for index, saved in self._adam().state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": saved[name] for name in ("exp_avg", "exp_avg_sq")}
        tensors = {name: tensor.detach().cpu().bfloat16().contiguous() for name, tensor in tensors.items()}
        tensors["tokenizer"] = torch.from_numpy(np.frombuffer(tokenizer.read_bytes(), dtype=np.uint8).copy())
        temporary = path.with_suffix(".partial")
        save_file(tensors, temporary, metadata={"progress": json.dumps(asdict(self.progress))})
        os.replace(temporary, path)

    def load_portable(self, path: Path) -> None:
        """Continues from a bf16 state; the learning rate warms up again while Muon's momentum fills."""
        with safe_open(path, "pt") as file:
            self.progress = Progress(**json.loads(file.metadata()["progress"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for prefix, model in (("model.", self.model), ("average.", self.average)):
            weights = {name: tensors[prefix + name].float() for name in model.state_dict()}
            model.load_state_dict(weights)
        adam = self._adam()
        saved = adam.state_dict()
        step = torch.tensor(float(self.progress.step))
        for index in saved["param_groups"][0]["params"]:
            if f"adam.{index}.exp_avg" in tensors:
                moments = {name: tensors[f"adam.{index}.{name}"].float() for name in ("exp_avg", "exp_avg_sq")}
                saved["state"][index] = {"step": step.clone(), **moments}
        adam.load_state_dict(saved)
        self.progress.warm_up_from = self.progress.step


def read_progress(path: Path) -> Progress:
    """The counters of a portable state."""
    with safe_open(path, "np") as file:
        return Progress(**json.loads(file.metadata()["progress"]))


def extract_tokenizer(path: Path, output: Path) -> None:
    """Writes the tokenizer that a portable state holds."""
    with safe_open(path, "np") as file:
        output.write_bytes(file.get_tensor("tokenizer").tobytes())
