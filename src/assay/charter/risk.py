"""How much harm is possible, what could go wrong, and who must sign."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.charter.people import Role
from assay.charter.section import Section, Text

__all__ = ["Risk", "RiskEntry", "Tier"]

Tier = Literal["low", "medium", "high"]
Level = Literal["low", "medium", "high"]

_SIGNERS: dict[str, tuple[Role, ...]] = {
    "low": (Role.PRODUCT_MANAGER,),
    "medium": (Role.PRODUCT_MANAGER, Role.RISK_OFFICER),
    "high": (Role.SPONSOR, Role.PRODUCT_MANAGER, Role.RISK_OFFICER),
}


class RiskEntry(Section):
    """One line of the risk register."""

    risk: Text
    likelihood: Level
    impact: Level
    mitigation: Text
    owner: Role


class Risk(Section):
    """The tier, the register, and further roles that must sign.

    >>> [role.value for role in Risk(tier="medium").signers]
    ['product_manager', 'risk_officer']
    """

    tier: Tier
    register_: tuple[RiskEntry, ...] = Field(default=(), alias="register")
    also_sign: tuple[Role, ...] = Field(
        default=(), description="Roles that must sign beyond those of the tier."
    )

    @property
    def signers(self) -> tuple[Role, ...]:
        """The roles whose sign-off the gate needs, each once."""
        return tuple(dict.fromkeys((*_SIGNERS[self.tier], *self.also_sign)))
