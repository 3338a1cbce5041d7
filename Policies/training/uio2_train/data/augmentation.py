"""What is varied while training: where a picture lies, and its light and colours."""

from __future__ import annotations

import numpy as np

from ..recipe import AugmentationRecipe

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def shifted(frame: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A frame ``[h, w, 3]`` moved down and right by some pixels; its border fills the gap."""
    height, width = frame.shape[:2]
    y = np.clip(np.arange(height) - rows, 0, height - 1)
    x = np.clip(np.arange(width) - columns, 0, width - 1)
    return frame[y][:, x]


def recoloured(frame: np.ndarray, brightness: float, contrast: float, saturation: float) -> np.ndarray:
    """A frame with light added (-1..1), contrast and saturation multiplied, float32 ``[h, w, 3]`` in 0..255."""
    picture: np.ndarray = frame.astype(np.float32)
    if saturation != 1:
        grey = (picture @ _GREY)[..., None]
        picture = grey + saturation * (picture - grey)
    mean = picture.mean()
    picture = mean + contrast * (picture - mean) + 255 * brightness
    return picture.clip(0, 255)


def augmented(frame: np.ndarray, recipe: AugmentationRecipe, random: np.random.Generator) -> np.ndarray:
    """A frame uint8 ``[h, w, 3]``, varied: float32 in 0..255."""
    if recipe.shift:
        rows, columns = random.integers(-recipe.shift, recipe.shift + 1, 2)
        frame = shifted(frame, int(rows), int(columns))
    brightness = random.uniform(-recipe.brightness, recipe.brightness)
    contrast, saturation = (1 + random.uniform(-x, x) for x in (recipe.contrast, recipe.saturation))
    return recoloured(frame, brightness, contrast, saturation)
