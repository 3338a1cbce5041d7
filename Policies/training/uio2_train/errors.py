"""The package's one error: a code to match on, the thing at fault, and a sentence a person can act on."""

from __future__ import annotations


class TrainingError(Exception):
    """Something that came from outside does not fit.

    Args:
        code: a short stable name, such as ``"missing_unit"``.
        subject: the file, key, tensor or dimension at fault.
        message: what was expected, what was found, what to do.
    """

    def __init__(self, code: str, subject: str, message: str) -> None:
        super().__init__(f"{subject}: {message}")
        self.code = code
        self.subject = subject
        self.message = message
