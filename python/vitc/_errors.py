"""What vitc raises: one line each, with what was expected, what was found and what to do."""

from __future__ import annotations


class Error(Exception):
    """The base of all others."""


class CompileError(Error):
    """A model that cannot be read or compiled, or an option that cannot be had."""


class BadArgument(Error, ValueError):
    """An argument that does not fit the model."""


class BadFile(Error):
    """A file, or weights, that are not what the model expects."""


class DeviceError(Error, RuntimeError):
    """What a device or its driver could not do."""


class OutOfMemory(Error, MemoryError):
    """Memory that the host or the device does not have."""


class NotFinite(Error, ArithmeticError):
    """Outputs that are no numbers although the inputs are."""


class VitcWarning(UserWarning):
    """What a compilation or a load warns of."""


# By vit_status of vit/runtime.h; -1 is the compiler.
_BY_STATUS: dict[int, type[Error]] = {
    -1: CompileError,
    1: BadArgument,
    2: BadFile,
    3: BadFile,
    4: DeviceError,
    5: OutOfMemory,
    6: NotFinite,
}


def by_status(status: int) -> type[Error]:
    """The class for a status of the runtime."""
    return _BY_STATUS.get(status, Error)


def renamed(error: Error, text: str, instead: str) -> Error:
    """The same error, which does not name a file that its reader does not know."""
    return type(error)(str(error).replace(text, instead))
