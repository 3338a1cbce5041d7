"""What can go wrong between a robot and the daemon."""

from __future__ import annotations

from . import uio2_pb2 as pb


class ClientError(Exception):
    """A request that got no answer to act on.

    Attributes:
        code: short lower-case name: one of the protocol's error codes without its prefix (``"superseded"``, ``"stopped"``, …), from the
            daemon; or from this side ``"timeout"``, ``"disconnected"``, ``"not_admitted"`` (no key, or one that the daemon does not know),
            ``"invalid_key"`` (a file of a key), ``"forked"`` (a client of the parent process), ``"late"`` (actions after their deadline), ``"policy_changed"``
            (another policy than the one agreed upon), ``"too_large"`` (a request that the daemon would not read), ``"malformed"`` (a
            value that cannot be sent, an address, or a reply that breaks the protocol), ``"unsupported_version"`` (of the daemon).
        field: the field or thing at fault, such as ``observation.frames[1].camera``; may be empty.
        message: a sentence a person can act on.
    """

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(f"{code}: {field}: {message}" if field else f"{code}: {message}")
        self.code = code
        self.field = field
        self.message = message

    @classmethod
    def from_reply(cls, error: pb.Error) -> ClientError:
        """The daemon's own error as an exception."""
        return cls(code_name(error.code), error.field, error.message)


class InvalidValue(ClientError, ValueError):
    """A program gave something that no message can carry; nothing was sent."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("malformed", field, message)


class Timeout(ClientError):
    """No answer in time. The daemon may still answer; that answer is thrown away when it comes."""

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__("timeout", address, f"no answer within {seconds:g} s; is the daemon overloaded or gone?")


class Disconnected(ClientError):
    """There is no daemon at the address, or the connection to it broke while an answer was awaited."""

    def __init__(self, address: str, message: str) -> None:
        super().__init__("disconnected", address, message)


class NotAdmitted(Disconnected):
    """The daemon lets nobody in with this key, or without one; asking again does not change that, a person does."""

    def __init__(self, address: str, message: str) -> None:
        super().__init__(address, message)
        self.code = "not_admitted"


def code_name(code: int) -> str:
    """The short lower-case name of an ``ErrorCode``: 14 is ``"superseded"``; an unknown one is ``"error_<number>"``."""
    value = pb.ErrorCode.DESCRIPTOR.values_by_number.get(code)
    return value.name.removeprefix("ERROR_CODE_").lower() if value else f"error_{code}"
