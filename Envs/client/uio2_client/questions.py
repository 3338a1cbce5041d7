"""What the model is asked without a robot, looked at before it is sent."""

from __future__ import annotations

from typing import Any

from . import uio2_pb2 as pb
from .checks import check_text, made, shown_value, usable_seconds
from .errors import InvalidValue
from .messages import listed

_KINDS = {name.removeprefix("MODALITY_").lower(): value for name, value in pb.Modality.items()}
_CORNERS = ("minimum_x", "minimum_y", "maximum_x", "maximum_y")


def question(
    *, images: Any, output: Any, box: Any, on_progress: Any, progress_interval: Any, **values: Any
) -> pb.Generate:
    """A request of ``Client.generate``, of its arguments.

    Raises:
        InvalidValue: one of them cannot be sent.
    """
    if not isinstance(output, str) or output.lower() not in _KINDS:
        raise InvalidValue("generate.output", f"expected {', '.join(_KINDS)}, found {shown_value(output)}")
    interval = 0.0
    if on_progress is not None:
        if not callable(on_progress):
            raise InvalidValue("on_progress", f"expected a function, found {shown_value(on_progress)}")
        if (usable := usable_seconds(progress_interval)) is None:
            message = f"expected seconds above 0, found {shown_value(progress_interval)}"
            raise InvalidValue("progress_interval", message)
        interval = usable
    request = made(
        pb.Generate,
        "generate",
        images=[] if images is None else listed("generate.images", images),
        output=_KINDS[output.lower()],
        box=None if box is None else _box(box),
        progress_interval=round(interval * 1e9),
        **values,
    )
    check_text(request, "generate")
    return request


def _box(box: Any) -> pb.Box:
    corners = listed("generate.box", box)
    if len(corners) != len(_CORNERS):
        raise InvalidValue("generate.box", f"expected x1, y1, x2 and y2, found {len(corners)} numbers")
    return made(pb.Box, "generate.box", **dict(zip(_CORNERS, corners, strict=True)))
