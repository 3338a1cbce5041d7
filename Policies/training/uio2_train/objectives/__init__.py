"""What the model is taught: actions, where things are, the mixture of denoisers, the next frame."""

from .cloning import ActionCloning
from .losses import cross_entropy, smoothing_matrix
from .mixture import StepBatch, StepBatches, TrainingStep

__all__ = ["ActionCloning", "StepBatch", "StepBatches", "TrainingStep", "cross_entropy", "smoothing_matrix"]
