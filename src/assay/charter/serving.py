"""How requests are taken in and what is kept of them: the door, limits, captures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.charter.section import Section, Text

__all__ = ["Capturing", "ColumnRules", "Door", "Limits", "Reaction", "Serving"]

Reaction = Literal["reject", "clip", "refer", "flag"]
"""What is done about an input that the model never saw the like of.

`reject`: the request is refused. `clip`: a number goes to the edge of its range, a category counts
as missing. `refer`: a person decides the case (needs `value.refer`). `flag`: it is answered, and
the answer and its capture say so.
"""


class ColumnRules(Section):
    """Reactions of one column, where they are not those of the others."""

    out_of_range: Reaction | None = None
    new_category: Reaction | None = None
    missing: Reaction | None = None
    range: tuple[float, float] | None = Field(
        default=None, description="Least and most; those of the reference where not given."
    )


class Door(Section):
    """What is done at the door about inputs that the reference rows never had."""

    out_of_range: Reaction = "flag"
    new_category: Reaction = "flag"
    missing: Reaction = Field(
        default="flag", description="Of a value that no reference row lacked."
    )
    widen: float = Field(
        default=0.1,
        ge=0,
        description="By how much of its range a number may lie beyond the reference's.",
    )
    columns: dict[Text, ColumnRules] = Field(
        default_factory=dict, description="Columns with reactions or ranges of their own."
    )


class Limits(Section):
    """What a gateway takes on before it says no, so that what it took is answered in time."""

    rows: int = Field(default=100_000, gt=0, description="Rows of one request.")
    body_mib: float = Field(default=32.0, gt=0, description="MiB of one request's body.")
    waiting: int = Field(
        default=4096, gt=0, description="Requests that may wait; further ones get 429 at once."
    )
    per_second: float | None = Field(
        default=None, gt=0, description="Requests a second of one caller; beyond them 429."
    )
    deadline_ms: float | None = Field(
        default=None,
        gt=0,
        description="Time from a request's last byte within which its answer must begin; a caller "
        "may ask for less.",
    )


class Capturing(Section):
    """What is kept of each prediction, and what follows where it cannot be kept."""

    columns: tuple[Text, ...] | None = Field(
        default=None, description="Input columns that are kept; all where not given."
    )
    protected: dict[Text, Literal["drop", "hash"]] = Field(
        default_factory=dict,
        description="Columns (inputs, or the entity's) that never touch the disk as they are: "
        "left out, or replaced by a hash under a key of this installation.",
    )
    on_failure: Literal["serve", "withhold"] = Field(
        default="serve",
        description="Where captures cannot be written (a full disk): `serve` answers and says that "
        "it was not recorded, `withhold` answers with an error. Either way an alert is raised.",
    )
    rotate_mib: float = Field(
        default=64.0, gt=0, description="MiB after which a log goes over into Parquet."
    )
    rotate_minutes: float = Field(
        default=60.0, gt=0, description="Minutes after which a log goes over into Parquet."
    )

    def withheld(self, column: str) -> Literal["drop", "hash"] | None:
        """Return what is done to an input before it is kept; None where it is kept as it is.

        >>> rules = Capturing(columns=("age", "sex"), protected={"sex": "hash"})
        >>> [rules.withheld(one) for one in ("age", "job", "sex")]
        [None, 'drop', 'hash']
        """
        kept = self.columns is None or column in self.columns or column in self.protected
        return self.protected.get(column) if kept else "drop"


class Serving(Section):
    """How requests are answered, whatever version answers them."""

    door: Door = Door()
    limits: Limits = Limits()
    capture: Capturing = Capturing()
    warm: Literal["always", "on_demand"] = Field(
        default="always",
        description="`on_demand`: loaded with the first request, and unloaded where memory is "
        "short.",
    )
    reasons: int = Field(
        default=3, ge=1, description="Contributions told where an answer's reasons are asked for."
    )
