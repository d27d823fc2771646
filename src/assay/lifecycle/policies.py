"""Response policies: the three that Assay has, and those that users write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from assay.build.beside import function_beside
from assay.build.first_line import first_line
from assay.charter.response import ResponseKind
from assay.errors import AssayError, InputError, did_you_mean
from assay.lifecycle.known import Known, ResponsePolicy
from assay.lifecycle.response import Option

__all__ = ["POLICIES", "Decider", "decider", "deciders", "policy_beside"]

POLICIES = ("static", "scheduled", "triggered")
"""The policies that Assay has."""

_KINDS: tuple[str, ...] = get_args(ResponseKind)


@dataclass(frozen=True)
class Decider:
    """A response policy by name. `says` is the reason given for what it asks by a mere name.

    `paced` says whether cool-down and cap hold it back; a calendar keeps its own pace.
    """

    name: str
    policy: ResponsePolicy
    says: str
    paced: bool = True

    def ask(self, known: Known) -> Option | ResponseKind | None:
        """Return what the policy asks for; InputError where that is nothing one can do."""
        try:
            asked = self.policy(known)
        except AssayError:
            raise
        except Exception as error:
            raise InputError(
                f"The response policy {self.name} failed at the window {known.name} with "
                f"{type(error).__name__}: {first_line(error)}. Mend the function (--debug shows "
                "the traceback)."
            ) from error
        if asked is None or isinstance(asked, Option) or asked in _KINDS:
            return asked
        near = did_you_mean(asked, _KINDS) if isinstance(asked, str) else ""
        raise InputError(
            f"The response policy {self.name} returned {asked!r} at the window {known.name}. "
            f"Return None, one of `known.candidates`, or one of {', '.join(_KINDS)}"
            f"{f' ({near})' if near else ''}."
        )


def decider(given: str | Callable[..., object], every: int) -> Decider:
    """Return a policy of Assay's by name (`every` is the calendar's), or the user's function.

    >>> decider("scheduled", 4).says
    'every 4 windows'
    """
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        return Decider(name, given, f"as {name} asks")  # type: ignore[arg-type]
    if given == "static":
        return Decider("static", _static, "")
    if given == "scheduled":
        says = f"every {every} windows" if every > 1 else "every window"
        return Decider("scheduled", _scheduled(every), says, paced=False)
    if given == "triggered":
        return Decider("triggered", _triggered, "")
    near = did_you_mean(given, POLICIES)
    raise InputError(
        f"There is no response policy {given!r}. Give one of {', '.join(POLICIES)}, or a function "
        f"of yours as `module:function`{f'; {near}' if near else '.'}"
    )


def deciders(given: Sequence[str | Callable[..., object]], every: int) -> tuple[Decider, ...]:
    """Return all of the policies to be compared; InputError where two bear one name."""
    found = tuple(decider(one, every) for one in given)
    if not found:
        raise InputError(f"No response policy was given. Give one of {', '.join(POLICIES)}.")
    twice = [name for name, count in Counter(one.name for one in found).items() if count > 1]
    if twice:
        raise InputError(
            f"Two response policies bear the name {twice[0]}, so that their figures could not be "
            "told apart. Rename one of the functions, or leave one out."
        )
    return found


def policy_beside(root: Path, name: str) -> str | ResponsePolicy:
    """Return the function that `module:function` names beside the charter; other words as given."""
    if ":" not in name:
        return name
    function: ResponsePolicy
    _, function = function_beside(root, name, "the response policy", "(known)", "what to do")
    return function


def _static(_known: Known) -> None:
    return None


def _scheduled(every: int) -> ResponsePolicy:
    return lambda known: "retrain" if known.window and known.window % every == 0 else None


def _triggered(known: Known) -> Option | None:
    """Look for a response where there is an alert, and take the one whose gain is clearest."""
    return known.best if known.findings and not known.held_back else None
