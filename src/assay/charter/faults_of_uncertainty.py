"""Ranges of the business case that do not hold the likeliest value."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.finding import Finding, Path
from assay.charter.unread import apart
from assay.charter.value import Uncertainty, ValueModel

__all__ = ["RULES"]


def _ranges(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    yield from apart(check(value, key) for key in Uncertainty.model_fields for check in _CHECKS)


def _ascends(value: ValueModel, key: str) -> Iterator[Finding]:
    given: tuple[float, float] | None = getattr(value.uncertainty, key)
    path: Path = ("value", "uncertainty", key)
    if given is None:
        return
    least, most = given
    if least > most:
        yield Finding(path, "the least is above the most", f"write [{most:g}, {least:g}]")
    elif least < 0:
        yield Finding(path, "below zero", "give the least and the most, from 0 on")


def _holds_likeliest(value: ValueModel, key: str) -> Iterator[Finding]:
    given: tuple[float, float] | None = getattr(value.uncertainty, key)
    likeliest: float = getattr(value, key)
    if given is None or not 0 <= given[0] <= given[1] or given[0] <= likeliest <= given[1]:
        return
    yield Finding(
        ("value", "uncertainty", key),
        f"`value.{key}` ({likeliest:g}), the likeliest, is not between the two",
        f"write [least, most] around it, or a `{key}` between the two",
    )


_CHECKS = (_ascends, _holds_likeliest)

RULES = (_ranges,)
