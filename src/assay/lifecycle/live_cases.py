"""The newest served cases whose outcome is known by now: responses are judged on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.errors import DataError
from assay.evidence.digest import digest_of
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.monitor.cases import moments
from assay.monitor.matured import matured
from assay.monitor.volume import Volume
from assay.monitor.windows import Window, cut_windows
from assay.ports.engine import Floats
from assay.stats.clusters import Clusters, row_blocks
from assay.value.labels import label_text
from assay.value.valuation import Valuation, valuation

__all__ = ["LEAST_LABELS", "LiveCases", "in_utc", "live_cases"]

LEAST_LABELS = 100
"""Outcomes below which no response is judged."""

_POLICY_ARMS = ("champion", "challenger")
_DAY = timedelta(days=1)

Record = Mapping[str, Any]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LiveCases:
    """Served cases in order of time whose label delay is over, with what came of them.

    `outcomes` (n,) are encoded by `valued`, the charter's valuation of today, and read only where
    `told`; the others are hidden: the action taken shows no outcome. `taken` are codes (amounts
    in regression). `propensity` is the chance of what was taken, `explores` whether each policy
    gave every action some. `volume` counts the decisions a day of the use case, `windows` names
    where the cases come from, and `digest` is that of ids and outcomes.
    """

    records: Sequence[Record]
    valued: Valuation
    outcomes: NDArray[Any]
    told: Bools
    taken: NDArray[Any]
    propensity: Floats
    explores: bool
    clusters: Clusters | None
    volume: Volume
    windows: tuple[str, ...]
    digest: str

    @property
    def n(self) -> int:
        """How many cases there are."""
        return len(self.records)

    @property
    def start(self) -> datetime:
        """When the first of them was served."""
        return datetime.fromisoformat(self.records[0]["at"])

    @property
    def inputs(self) -> list[Mapping[str, Any]]:
        """The inputs of each case, as captured."""
        return [record["inputs"] for record in self.records]


def live_cases(
    charter: Charter,
    records: Sequence[Record],
    outcomes: Sequence[Any],
    since: datetime,
    now: datetime,
) -> LiveCases:
    """Return the newest cases, whole windows back until `LEAST_LABELS` outcomes are known.

    `records` are captures in order, each once, with the `outcomes` known (None where not). Cases
    count from `since` on, when what stands was made: it has learned from none of them. Where every
    outcome is seen and no action changes it, all arms tell; else those of policies, since
    the chance of what they took is on record. An outcome that is overdue is left out, as if
    it would not have differed, unless `release.missing_outcome` says what silence means.

    Raises DataError where too few outcomes are known.
    """
    valued = valuation(charter.value, charter.data)
    times = moments(records)
    given, told = _encoded(valued, _filled(charter, outcomes))
    ripe = matured(times, label_delay(charter), now) & (times > in_utc(since))
    hides = charter.data.revealed_by
    hidden = np.array([bool(hides) and one["decision"] not in hides for one in records], dtype=bool)
    taken, possible = _taken(valued, records)
    use = ripe & possible & (told | hidden) & _arms(charter, records)
    windows = cut_windows(times, charter.monitoring.window, charter.monitoring.time_zone, now)
    rows, chosen = _newest(windows, use, told)
    if int(told[rows].sum()) < LEAST_LABELS:
        raise DataError(
            f"Only {int((use & told).sum()):,} decisions made since {since:%Y-%m-%d %H:%M} have an "
            f"outcome that counts, and it takes {LEAST_LABELS} to judge a response: hand in more "
            "with `assay outcomes`, or wait until their label delay is over."
        )
    kept = [records[row] for row in rows.tolist()]
    chances = np.array([float(one["propensity"]) for one in kept])
    by_policy = np.array([one["arm"] in _POLICY_ARMS for one in kept])
    pairs = [[one["id"], _text(outcomes[row])] for one, row in zip(kept, rows, strict=True)]
    return LiveCases(
        records=kept,
        valued=valued,
        outcomes=given[rows],
        told=told[rows],
        taken=taken[rows],
        propensity=chances,
        explores=bool(by_policy.any() and (chances[by_policy] < 1).all()),
        clusters=_clusters(charter, kept),
        volume=_volume(charter, chosen),
        windows=tuple(one.name for one in chosen),
        digest=digest_of(pairs),
    )


def in_utc(moment: datetime) -> np.datetime64:
    """Return a moment as captures are compared by: UTC, without a zone.

    >>> str(in_utc(datetime.fromisoformat("2026-03-01T12:00:00+01:00")))
    '2026-03-01T11:00:00.000000'
    """
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _filled(charter: Charter, outcomes: Sequence[Any]) -> Sequence[Any]:
    missing = charter.release.missing_outcome
    return outcomes if missing is None else [missing if one is None else one for one in outcomes]


def _encoded(valued: Valuation, outcomes: Sequence[Any]) -> tuple[NDArray[Any], Bools]:
    """Return codes or amounts, and which of them are known and of the charter's kind."""
    if valued.task == "regression":
        amounts = np.array([np.nan if one is None else float(one) for one in outcomes])
        return np.nan_to_num(amounts), np.isfinite(amounts)
    codes = {label: code for code, label in enumerate(valued.labels)}
    found = [-1 if one is None else codes.get(label_text(one), -1) for one in outcomes]
    encoded = np.array(found, dtype=np.int64)
    return np.maximum(encoded, 0), encoded >= 0


def _taken(valued: Valuation, records: Sequence[Record]) -> tuple[NDArray[Any], Bools]:
    """Return what was decided, and of which cases the charter still has that."""
    if valued.task == "regression":
        return np.array([float(one["decision"]) for one in records]), np.ones(len(records), bool)
    codes = {action: code for code, action in enumerate(valued.actions)}
    found = np.array([codes.get(one["decision"], -1) for one in records], dtype=np.int64)
    return found, found >= 0


def _arms(charter: Charter, records: Sequence[Record]) -> Bools:
    """Return which cases are a sample by chance with a chance that is on record."""
    policies = np.array([one["arm"] in _POLICY_ARMS for one in records], dtype=np.bool_)
    baselines = np.array([one["arm"] in (BASELINE_ARM, CONTROL_ARM) for one in records], bool)
    shows = charter.data.revealed_by
    if charter.data.moved_by:
        return policies
    if shows:  # a baseline that does one thing with all, and shows it, tells as well
        done = {one["decision"] for one, is_so in zip(records, baselines, strict=True) if is_so}
        tells: Bools = policies | (baselines & (done <= set(shows)))
        return tells
    every: Bools = policies | baselines
    return every


def _newest(
    windows: Sequence[Window], use: Bools, told: Bools
) -> tuple[NDArray[np.int64], list[Window]]:
    """Return rows that count, from the newest window that has such back to enough outcomes."""
    rows: list[int] = []
    chosen: list[Window] = []
    for window in reversed(windows):
        own = np.sort(window.rows[use[window.rows]])
        if not len(own):
            continue
        rows, chosen = [*own.tolist(), *rows], [window, *chosen]
        if int(told[rows].sum()) >= LEAST_LABELS:
            break
    return np.array(rows, dtype=np.int64), chosen


def _clusters(charter: Charter, records: Sequence[Record]) -> Clusters | None:
    """Return which cases hang together: those of an entity, else stretches where rows have order.

    Entities that each come once are cases that stand alone.
    """
    entities = [one.get("entity") for one in records]
    if all(entities) and len(set(entities)) > 1:
        once = len(set(entities)) == len(entities)
        return None if once else Clusters.of(np.array(entities, dtype=object).astype(str), "entity")
    return row_blocks(len(records)) if charter.data.ordered else None


def _volume(charter: Charter, windows: Sequence[Window]) -> Volume:
    """Return the decisions a day of all arms; those planned where windows say nothing of time."""
    whole = [one for one in windows if one.complete and one.start and one.end]
    if charter.monitoring.window.unit not in {"hour", "day"} or not whole:
        return Volume.planned(charter.value.decisions_per_month)
    days = sum((one.end - one.start) / _DAY for one in whole if one.start and one.end)
    return Volume(sum(len(one.rows) for one in whole) / days, "served in these windows")


def _text(outcome: Any) -> str | None:
    return None if outcome is None else label_text(outcome)
