"""Who answers for what: roles, lines of defence, and who holds them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, model_serializer, model_validator

from assay.charter.section import Section, Text

__all__ = ["People", "Role", "line_of_defence"]


class Role(StrEnum):
    """The roles that a charter can fill."""

    SPONSOR = "sponsor"
    PRODUCT_MANAGER = "product_manager"
    DATA_SCIENTIST = "data_scientist"
    DOMAIN_EXPERT = "domain_expert"
    MODEL_CONSUMER = "model_consumer"
    RISK_OFFICER = "risk_officer"
    OPERATIONS = "operations"


def line_of_defence(role: Role) -> int:
    """Return 1 for those who own, build or use the model, 2 for those who challenge it.

    Source: The Institute of Internal Auditors, Three Lines Model (2020).

    >>> line_of_defence(Role.DATA_SCIENTIST), line_of_defence(Role.RISK_OFFICER)
    (1, 2)
    """
    return 2 if role is Role.RISK_OFFICER else 1


class People(Section):
    """Names for each role; `people: solo` lets one person hold them all (lowest risk tier only).

    >>> People.model_validate({"sponsor": "Ana"}).holders(Role.SPONSOR)
    ('Ana',)
    >>> People.model_validate("solo").solo
    True
    """

    solo: bool = Field(default=False, exclude=True)
    sponsor: tuple[Text, ...] = ()
    product_manager: tuple[Text, ...] = ()
    data_scientist: tuple[Text, ...] = ()
    domain_expert: tuple[Text, ...] = ()
    model_consumer: tuple[Text, ...] = ()
    risk_officer: tuple[Text, ...] = ()
    operations: tuple[Text, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _accept_solo_and_single_names(cls, given: Any) -> Any:
        if given == "solo":
            return {"solo": True}
        if isinstance(given, dict):
            return {k: (v,) if isinstance(v, str) else v for k, v in given.items()}
        return given

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Any) -> Any:
        return "solo" if self.solo else handler(self)

    def holders(self, role: Role) -> tuple[str, ...]:
        """Return the people who hold a role (nobody in particular where one person holds all)."""
        names: tuple[str, ...] = getattr(self, role.value)
        return names
