"""What is given to a client is looked at before anything is sent."""

from __future__ import annotations

import operator
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from .errors import InvalidValue

LONGEST_TIMEOUT = 86_400.0
"""Seconds; longer ones are cut to it."""
_MAXIMUM_TOKEN_BYTES = 64
_KINDS = {
    FieldDescriptor.TYPE_STRING: "a text",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_FLOAT: "a number",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_BOOL: "True or False",
    FieldDescriptor.TYPE_UINT32: "a whole number from 0 to 4294967295",
    FieldDescriptor.TYPE_UINT64: "a whole number from 0 to 18446744073709551615",
}
_Made = TypeVar("_Made", bound=Message)


def made(kind: type[_Made], path: str, **values: Any) -> _Made:
    """A message of values that a program gave.

    Args:
        kind: of the message.
        path: what the message is called in an error.
        values: by field; ``None`` leaves out what may be absent.

    Raises:
        InvalidValue: a field does not take its value.
    """
    fields = kind.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        if value is None and not fields[name].has_presence:
            raise _refused(path, fields[name], value)
    try:
        return kind(**values)
    except (TypeError, ValueError, AttributeError):
        for name, value in values.items():
            try:
                kind(**{name: value})
            except (TypeError, ValueError, AttributeError) as error:
                raise _refused(path, fields[name], value) from error
        raise


def _refused(path: str, field: FieldDescriptor, value: Any) -> InvalidValue:
    kind = _KINDS.get(field.type) or f"what makes a {getattr(field.message_type, 'name', field.name)}"
    if isinstance(value, (list, tuple)):
        shown = ", ".join(sorted({type(part).__name__ for part in value}))
        return InvalidValue(f"{path}.{field.name}", f"expected {kind} each, found {type(value).__name__} of {shown}")
    return InvalidValue(f"{path}.{field.name}", f"expected {kind}, found {shown_value(value)}")


def shown_value(value: Any) -> str:
    """A value as an error names it: small ones themselves, of others their type."""
    if value is None or isinstance(value, (bool, int, float, str)):
        shown = ascii(value)
        return shown if len(shown) <= 60 else f"{shown[:60]}…"
    return type(value).__name__


def check_text(message: Message, path: str) -> None:
    """Refuses text that ends for the daemon before it ends for Python.

    Raises:
        InvalidValue: a text has a NUL.
    """
    for field, value in message.ListFields():
        name = f"{path}.{field.name}"
        if field.type == FieldDescriptor.TYPE_STRING:
            for text in [value] if isinstance(value, str) else value:
                if "\0" in text:
                    raise InvalidValue(name, "a text has no NUL character; take it out")
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if isinstance(value, Message):
                check_text(value, name)
            else:
                for place, part in enumerate(value):
                    check_text(part, f"{name}[{place}]")


def check_names(session: Any, token: Any) -> None:
    """Refuses a session's name, where there is one, and a token that cannot be sent.

    Raises:
        InvalidValue: what they are made of, or how long they are.
    """
    if session is not None and not (
        isinstance(session, str) and 1 <= len(session) <= 128 and all(" " <= character <= "~" for character in session)
    ):
        message = f"a session's name takes 1 to 128 printable ASCII characters, found {shown_value(session)}"
        raise InvalidValue("session", message)
    if not isinstance(token, bytes):
        raise InvalidValue("token", f"a token is bytes, as read_token returns it, found {type(token).__name__}")
    if len(token) > _MAXIMUM_TOKEN_BYTES:
        raise InvalidValue("token", f"a token has at most {_MAXIMUM_TOKEN_BYTES} bytes, found {len(token)}")


def usable_seconds(timeout: Any) -> float | None:
    """A time-out in seconds, at most a day; ``None`` where it is no number, or none above 0."""
    try:
        seconds = float(timeout)
    except Exception:  # nothing that is given keeps a stop back
        return None
    return min(seconds, LONGEST_TIMEOUT) if seconds > 0 else None


def nanoseconds(value: Any, field: str = "clock") -> int:
    """A time on a robot's clock.

    Raises:
        InvalidValue: it is no time that a message can carry.
    """
    try:
        found = operator.index(value)
    except TypeError:
        found = -1
    if not 0 <= found < 1 << 64:
        message = f"expected whole nanoseconds, as of time.monotonic_ns, found {shown_value(value)}"
        raise InvalidValue(field, message)
    return found
