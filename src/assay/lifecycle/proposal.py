"""A proposed response: what, in answer to which alerts, judged on what, and who must sign it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.charter.response import ResponseKind
from assay.evidence.digest import digest_of
from assay.stats.estimate import Estimate
from assay.value.identification import is_marked

__all__ = ["Proposal", "Remedy", "signers"]

_LENGTH = 12


@dataclass(frozen=True)
class Remedy:
    """A response that could be made, what it is expected to bring and what it costs.

    `gain` is in currency per day above what stands, before `cost` (per day as well); it is None
    where the response was not judged, and `note` says why. `target` is the version or baseline
    that it leads to, where that is known.

    >>> gain = Estimate(9.0, 4.0, 14.0, n=500, method="", unit="EUR per day")
    >>> Remedy("retrain", "", "retrain", gain, 3.0).net
    6 EUR per day [1, 11]
    """

    kind: ResponseKind
    target: str
    text: str
    gain: Estimate | None
    cost: float
    note: str = ""

    @property
    def net(self) -> Estimate | None:
        """The expected gain a day with the cost taken off."""
        return None if self.gain is None else self.gain.shifted(-self.cost)

    @property
    def identified(self) -> bool:
        """Whether outcomes tell the gain at all."""
        return self.gain is not None and not is_marked(self.gain)

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        gain = None if self.gain is None else self.gain.document()
        named = {"kind": self.kind, "target": self.target, "text": self.text}
        return {**named, "gain_per_day": gain, "cost_per_day": self.cost, "note": self.note}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Remedy:
        """Read it back."""
        gain = document["gain_per_day"]
        return cls(
            kind=document["kind"],
            target=document["target"],
            text=document["text"],
            gain=None if gain is None else Estimate.from_document(gain),
            cost=document["cost_per_day"],
            note=document["note"],
        )


@dataclass(frozen=True)
class Proposal:
    """One remedy proposed for what stands, beside all the others that were judged with it.

    `standing` is the version that decides (or scores beside a baseline), `alerts` are the ids it
    answers, `data` is the digest of the cases it was judged on and `windows` where those are
    from. `alone` says that the charter lets it act without a signature, else `needs` names roles.
    """

    chosen: Remedy
    remedies: tuple[Remedy, ...]
    standing: int
    alerts: tuple[str, ...]
    data: str
    cases: int
    windows: tuple[str, ...]
    alone: bool
    needs: tuple[Role, ...]

    @property
    def digest(self) -> str:
        """What people sign: everything that the proposal says."""
        return digest_of(self._said())

    @property
    def id(self) -> str:
        """The first letters of the digest."""
        return self.digest[:_LENGTH]

    def document(self) -> dict[str, Any]:
        """Return the content of a `response.proposed` entry, but for its time."""
        return {"id": self.id, "digest": self.digest, **self._said()}

    def _said(self) -> dict[str, Any]:
        return {
            "kind": self.chosen.kind,
            "target": self.chosen.target,
            "text": self.chosen.text,
            "chosen": self.chosen.document(),
            "remedies": [one.document() for one in self.remedies],
            "standing": self.standing,
            "alerts": list(self.alerts),
            "data": self.data,
            "cases": self.cases,
            "windows": list(self.windows),
            "alone": self.alone,
            "needs": [role.value for role in self.needs],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Proposal:
        """Read it back."""
        return cls(
            chosen=Remedy.from_document(document["chosen"]),
            remedies=tuple(Remedy.from_document(one) for one in document["remedies"]),
            standing=document["standing"],
            alerts=tuple(document["alerts"]),
            data=document["data"],
            cases=document["cases"],
            windows=tuple(document["windows"]),
            alone=document["alone"],
            needs=tuple(Role(role) for role in document["needs"]),
        )


def signers(charter: Charter, kind: ResponseKind) -> tuple[Role, ...]:
    """Return the roles that must sign a response of a kind; none where it may act alone."""
    response = charter.response
    if kind in response.alone:
        return ()
    named: Sequence[Role] = response.sign_off.get(kind) or charter.risk.signers
    return tuple(dict.fromkeys(named))
