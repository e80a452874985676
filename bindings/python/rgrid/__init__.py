"""RGrid: a fleet of short-lived cloud workers matched to a queue of jobs."""

from ._rgrid import *  # noqa: F401,F403
from ._rgrid import Errc


class Failure(Exception):
    """Raised by a port that could not do what it was asked; the code says what the caller can do about it."""

    def __init__(self, code: Errc, message: str):
        super().__init__(message)
        self.code = code
