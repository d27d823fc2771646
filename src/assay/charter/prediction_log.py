"""Where predictions of a model that is served elsewhere are logged, and under which names."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.charter.section import Section, Text

__all__ = ["LogColumns", "PredictionLog"]


class LogColumns(Section):
    """What the log's columns are called.

    Input columns have the names that the model knows them by, but for those in `inputs`.
    """

    score: Text | tuple[Text, ...] = Field(
        description="The raw score; of more than two outcomes one column for each, in their order."
    )
    time: Text = Field(default="at", description="When the prediction was made.")
    id: Text | None = Field(
        default=None, description="The prediction's id, by which outcomes join; needed for them."
    )
    decision: Text | None = Field(
        default=None, description="What was done; by the charter's policy where not given."
    )
    outcome: Text | None = Field(
        default=None,
        description="What happened; `data.outcome` where not given. The reference has it; where "
        "the log has no such column, or an empty field, it is not known yet.",
    )
    version: Text | None = Field(default=None, description="The model version; all 1 without it.")
    arm: Text | None = None
    entity: Text | None = None
    latency_ms: Text | None = None
    inputs: dict[Text, Text] = Field(
        default_factory=dict, description="Column of the log for an input, where the names differ."
    )


class PredictionLog(Section):
    """A log of predictions in files or a Delta table, and labelled rows to compare it with."""

    path: Text = Field(description="File, pattern or folder, relative to the charter.")
    format: Literal["parquet", "csv", "delta"] | None = Field(
        default=None, description="By the path's ending where not given."
    )
    reference: Text = Field(
        description="File of held-out rows with scores and outcomes, in the log's columns: what "
        "calibration, plan and drift are judged by."
    )
    columns: LogColumns
