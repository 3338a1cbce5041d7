"""What a client and a daemon agreed upon, and whether it still holds."""

from __future__ import annotations

from . import uio2_pb2 as pb
from .errors import ClientError


class AgreedPolicy:
    """The answer to the last Hello, and what has been found to differ since then.

    Args:
        name: of the client, for further greetings.
        version: of the client.
    """

    def __init__(self, name: str = "", version: str = "") -> None:
        self.name = name
        self.version = version
        self.capabilities: pb.Capabilities | None = None
        """``None`` before the first Hello was answered."""
        self.is_current = False
        """Whether nothing but this daemon can have answered since the last Hello."""
        self._difference: ClientError | None = None

    def check(self) -> None:
        """Raises what was found to differ, if anything was."""
        if self._difference is not None:
            error = self._difference
            raise ClientError(error.code, error.field, error.message)

    def check_digest(self, digest: str) -> None:
        """Raises where actions are of another policy than the one agreed upon."""
        agreed = self.capabilities
        if agreed is not None and digest != agreed.policy_digest:
            self._differ("action_chunk.policy_digest", f"policy {digest} answers in place of {_name(agreed)}")

    def compare(self, found: pb.Capabilities) -> None:
        """Raises where the daemon drives anything else than what was agreed upon. The token is no part of that."""
        agreed = self.capabilities
        if agreed is None:
            return
        if found.policy_digest != agreed.policy_digest:
            self._differ("capabilities.policy_digest", f"{_name(found)} answers in place of {_name(agreed)}")
        for field in agreed.DESCRIPTOR.fields:
            if field.name != "session_token" and getattr(found, field.name) != getattr(agreed, field.name):
                self._differ(f"capabilities.{field.name}", f"{_name(found)} answers with another {field.name}")

    def _differ(self, field: str, message: str) -> None:
        self._difference = ClientError("policy_changed", field, f"{message}; say hello again and compare before you move")
        self.check()


def _name(capabilities: pb.Capabilities) -> str:
    return f"{capabilities.policy_name} ({capabilities.policy_digest or 'no digest'})"
