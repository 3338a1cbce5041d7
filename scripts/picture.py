"""Makes docs/rollout.png from the films of `make demo`: a column a task, from the first frame down to the last.

    .venv/bin/python scripts/picture.py rollouts/demo docs/rollout.png
"""

import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image

TASKS = {"reach-v3": 1000, "push-v3": 1000, "drawer-close-v3": 1000, "button-press-topdown-v3": 1000, "door-open-v3": 1001}
MOMENTS = (0.0, 0.5, 1.0)
SIDE = 200


def main() -> None:
    films, target = Path(sys.argv[1]), Path(sys.argv[2])
    columns = []
    for task, seed in TASKS.items():
        frames = iio.imread(films / f"{task}-seed{seed}.mp4")
        # The policy's two views stand side by side; the left one is square.
        side = frames.shape[2] // 2
        picked = [frames[round(moment * (len(frames) - 1))][:side, :side] for moment in MOMENTS]
        columns.append(np.vstack([np.asarray(Image.fromarray(frame).resize((SIDE, SIDE))) for frame in picked]))
    target.parent.mkdir(exist_ok=True)
    Image.fromarray(np.hstack(columns)).quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    main()
