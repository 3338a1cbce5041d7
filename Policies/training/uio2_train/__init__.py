"""Trains Unified-IO 2 as a robot policy: the model in PyTorch, data, objectives, engine and commands."""

__version__ = "0.1.0"
