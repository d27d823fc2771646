"""Everything that can go wrong, by whose move it is.

    AssayError
    ├── InputError             the user's move: what was given is wrong       exit 2
    │   ├── CharterError       the charter has faults, all of them listed
    │   ├── DataError          a table cannot be read or used
    │   ├── ExpressionError    a formula does not parse, or names no column
    │   ├── ModelError         a model cannot be taken in
    │   └── MissingLibrary     an optional library is not installed
    ├── CheckFailed            the answer is no                               exit 1
    │   ├── GateClosed         evidence, guardrails or signatures do not hold
    │   ├── SignOffRefused     this person may not sign this
    │   ├── Untrusted          what a gateway was told carries no signature that holds
    │   └── LedgerBroken       the ledger was changed behind our back
    └── WorldError             the world is broken; try again or call help    exit 3
        ├── StoreError         a disk or database failed
        ├── LedgerConflict     somebody else wrote to this subject first
        └── ServiceError       another process does not answer
            ├── ReceiverDown       a receiver of alerts is to be tried again
            └── ReceiverRefuses    a receiver of alerts will not have it, however often asked

Each error's text is one paragraph: what was wrong, what was given, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "AssayError",
    "CharterError",
    "CheckFailed",
    "DataError",
    "ExpressionError",
    "Fault",
    "GateClosed",
    "InputError",
    "LedgerBroken",
    "LedgerConflict",
    "MissingLibrary",
    "ModelError",
    "ReceiverDown",
    "ReceiverRefuses",
    "ServiceError",
    "SignOffRefused",
    "StoreError",
    "Untrusted",
    "WorldError",
    "did_you_mean",
]


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return "did you mean `x`?" for the nearest known word, or nothing where none is near.

    >>> did_you_mean("Curency", ["currency", "actions"])
    'did you mean `currency`?'
    >>> did_you_mean("horse", ["currency", "actions"])
    ''
    """
    spelled = {word.casefold(): word for word in known}
    near = get_close_matches(given.casefold(), spelled, n=1)
    return f"did you mean `{spelled[near[0]]}`?" if near else ""


@dataclass(frozen=True)
class Fault:
    """One thing wrong at one place of a file, and the mend.

    >>> print(Fault("value.currency", "missing", "nothing", "add `currency: EUR`"))
    value.currency: missing (given: nothing). To mend: add `currency: EUR`.
    """

    path: str
    problem: str
    given: str
    mend: str

    def __str__(self) -> str:
        stop = "" if self.mend.endswith("?") else "."
        return f"{self.path}: {self.problem} (given: {self.given}). To mend: {self.mend}{stop}"


class AssayError(Exception):
    """The root of every error that Assay raises on purpose."""

    exit_code: ClassVar[int] = 3


class InputError(AssayError):
    """What the user gave is wrong."""

    exit_code = 2


class CharterError(InputError):
    """The charter has faults; `faults` lists every one."""

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        self.where = where
        self.faults = tuple(faults)
        count = len(self.faults)
        head = f"{where} has {count} fault{'s' if count != 1 else ''}:"
        super().__init__("\n".join([head, *(f"  {fault}" for fault in self.faults)]))


class DataError(InputError):
    """A table cannot be read or used."""


class ExpressionError(InputError):
    """A formula does not parse, or names a column that is not there."""


class ModelError(InputError):
    """A model cannot be taken in."""


class MissingLibrary(InputError):
    """An optional library is not installed; the text gives the command that installs it."""

    def __init__(self, library: str, extra: str) -> None:
        self.library = library
        super().__init__(
            f"This needs {library}, which is not installed. Run: pip install 'assay[{extra}]'."
        )


class CheckFailed(AssayError):
    """A check ran and its answer is no."""

    exit_code = 1


class GateClosed(CheckFailed):
    """Evidence, guardrails or signatures do not hold; `reasons` lists each."""

    def __init__(self, subject: str, reasons: Sequence[str]) -> None:
        self.subject = subject
        self.reasons = tuple(reasons)
        text = "".join(f"\n  {reason}" for reason in self.reasons)
        super().__init__(f"The gate for {subject} is closed:{text}")


class SignOffRefused(CheckFailed):
    """This person may not sign this subject in this role."""


class Untrusted(CheckFailed):
    """What is to be served carries no signature that holds."""


class LedgerBroken(CheckFailed):
    """The ledger does not hold together; the text names the first broken entry and how."""


class WorldError(AssayError):
    """The world is broken: a disk, a database, another process."""


class StoreError(WorldError):
    """A disk or database failed, or what it holds is not what it should be."""


class LedgerConflict(WorldError):
    """Somebody else wrote to this subject first; read it again and decide anew."""

    def __init__(self, subject: str, expected: int, actual: int) -> None:
        self.subject, self.expected, self.actual = subject, expected, actual
        super().__init__(
            f"The ledger's subject {subject} is at revision {actual}, not {expected}: "
            "somebody wrote to it meanwhile. Read it again and repeat the command."
        )


class ServiceError(WorldError):
    """Another process does not answer, or answers with an error."""


class ReceiverDown(ServiceError):
    """A receiver of alerts did not take one: send it again, after `retry_after` s if it said so."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(text)


class ReceiverRefuses(ServiceError):
    """A receiver of alerts will not take one as it is: somebody has to mend the channel first."""
