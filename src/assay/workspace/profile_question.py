"""What is asked of two tables: how rows fall into windows, and what the model's columns are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.errors import InputError, did_you_mean

__all__ = ["Asked", "Span"]


@dataclass(frozen=True)
class Span:
    """How long a window is: so many rows, hours or days."""

    count: int
    unit: Literal["row", "hour", "day"]

    @classmethod
    def of(cls, text: str) -> Span:
        """Read `1 day` or `1000 rows`; InputError for anything else.

        >>> Span.of("6 hours")
        Span(count=6, unit='hour')
        """
        count, _, unit = text.strip().partition(" ")
        unit = unit.strip().rstrip("s")
        if not count.isdecimal() or int(count) == 0 or unit not in {"row", "hour", "day"}:
            raise InputError(
                f"--window is {text!r}, and a window is a number of rows, hours or days. "
                "Write `1000 rows`, `6 hours` or `1 day`."
            )
        return cls(int(count), "row" if unit == "row" else "hour" if unit == "hour" else "day")

    def __str__(self) -> str:
        return f"{self.count:,} {self.unit}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True)
class Asked:
    """What to compare: tables, how rows fall into windows, and what the model's columns are.

    `window` is a span such as `1 day` (taken where there is a `column` of moments and nothing else
    is given) or `1000 rows`. With `score` and `outcome` performance is told too, that of decisions
    with `decision`, and value where `value` (the text of a value section) or `amount` is given:
    what an action brings where the outcome is positive, at `cost`.
    """

    reference: Path
    analysis: Sequence[Path]
    column: str | None = None
    window: str | None = None
    zone: str = "UTC"
    score: str | None = None
    decision: str | None = None
    outcome: str | None = None
    amount: str | None = None
    cost: float | None = None
    currency: str | None = None
    value: str | None = None
    positive: str | None = None

    def __post_init__(self) -> None:
        """Raise InputError where one thing was given without another that it needs."""
        self._need(("--time-zone", self.zone != "UTC"), ("--window-column", self.column))
        if self.column is None and self.window is not None and self.span.unit != "row":
            raise InputError(
                f"--window is {self.window!r}, a span of time, and no column of moments was named. "
                "Name it with --window-column, or cut by rows: --window '1000 rows'."
            )
        self._zone_is_known()
        if self.value is not None and self.amount is not None:
            raise InputError(
                "--value and --amount both say what actions bring, and only one can. Leave out one."
            )
        for name, given in (("--cost", self.cost), ("--currency", self.currency)):
            self._need((name, given), ("--amount", self.amount))
        self._need(("--positive", self.positive), ("--value", self.value))
        score, outcome = ("--score", self.score), ("--outcome", self.outcome)
        decision = ("--decision", self.decision)
        self._need(("--amount", self.amount), score, decision, outcome)
        self._need(("--value", self.value), score, decision, outcome)
        self._need(decision, score, outcome)
        self._need(score, outcome)
        self._need(outcome, score)

    @property
    def span(self) -> Span:
        """How long a window is."""
        return Span.of("1 day" if self.window is None else self.window)

    @property
    def valued(self) -> bool:
        """Whether payoffs were given."""
        return self.value is not None or self.amount is not None

    @staticmethod
    def _need(given: tuple[str, object], *needed: tuple[str, object]) -> None:
        if given[1] is None or given[1] is False:
            return
        lacking = [name for name, value in needed if value is None]
        if not lacking:
            return
        every, none = _listed([name for name, _ in needed]), _listed(lacking)
        missing = "which" if every == none else f"and {none}"
        raise InputError(
            f"{given[0]} needs {every}, {missing} "
            f"{'was' if len(lacking) == 1 else 'were'} not given. Name what it needs, or leave out "
            f"{given[0]}."
        )

    def _zone_is_known(self) -> None:
        if self.zone == "UTC":
            return
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            near = did_you_mean(self.zone, available_timezones())
            mend = near[0].upper() + near[1:] if near else "Write UTC, or one as Europe/Lisbon."
            raise InputError(
                f"There is no time zone {self.zone!r} (--time-zone). {mend}"
            ) from error


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
