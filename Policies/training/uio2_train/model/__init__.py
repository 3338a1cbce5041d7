"""Unified-IO 2 in PyTorch, with the release's names and numerics."""

from .checkpoint import load_model, save_model
from .configuration import Configuration
from .generation import Generated, generate
from .sequences import Encoded, Inputs, Patches, Sequence, Target
from .unified_io import UnifiedIO, shift_right

__all__ = [
    "Configuration", "Encoded", "Generated", "Inputs", "Patches", "Sequence", "Target", "UnifiedIO", "generate",
    "load_model", "save_model", "shift_right",
]  # fmt: skip
