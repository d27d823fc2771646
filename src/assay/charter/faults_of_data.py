"""What cannot hold in `data`, alone or beside the value model and the windows."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from assay.charter.charter import Charter
from assay.charter.data import Data
from assay.charter.faults_of_policy import actions_of
from assay.charter.finding import Finding
from assay.charter.policy import REFER
from assay.charter.unread import apart
from assay.errors import did_you_mean

__all__ = ["RULES"]

_CLOCK = ("hour", "day")


def _one_order(charter: Charter) -> Iterator[Finding]:
    if charter.data.order == "rows" and charter.data.time is not None:
        yield Finding(
            ("data", "order"),
            f"two orders in time: the rows' own and that of column `{charter.data.time}`",
            "keep `time`, or keep `order: rows`",
        )


def _outcome_is_no_feature(charter: Charter) -> Iterator[Finding]:
    data = charter.data
    yield from apart(_key_is_outcome(data, key) for key in ("time", "entity"))
    yield from apart(_list_has_outcome(data, key) for key in ("sensitive", "known_after", "ignore"))


def _key_is_outcome(data: Data, key: str) -> Iterator[Finding]:
    if getattr(data, key) == data.outcome:
        mend = "name another column; the outcome is what the model predicts"
        yield Finding(("data", key), "this is the outcome column", mend)


def _list_has_outcome(data: Data, key: str) -> Iterator[Finding]:
    for i, column in enumerate(getattr(data, key)):
        if column == data.outcome:
            mend = "take it out; the outcome is never a feature anyway"
            yield Finding(("data", key, i), "this is the outcome column", mend)


def _columns_once(charter: Charter) -> Iterator[Finding]:
    keys = ("sensitive", "known_after", "ignore", "revealed_by", "moved_by")
    yield from apart(_once(charter.data, key) for key in keys)


def _once(data: Data, key: str) -> Iterator[Finding]:
    columns = getattr(data, key)
    for i, column in enumerate(columns):
        if column in columns[:i]:
            yield Finding(("data", key, i), "named twice", "keep it once")


def _sensitive_known_before(charter: Charter) -> Iterator[Finding]:
    data = charter.data
    for i, column in enumerate(data.sensitive):
        if column in data.known_after:
            yield Finding(
                ("data", "sensitive", i),
                "both sensitive and known only after the decision",
                "keep it in one list: fairness is judged on what is known before",
            )


def _keys_known_before(charter: Charter) -> Iterator[Finding]:
    yield from apart(_key_known_before(charter.data, key) for key in ("time", "entity"))


def _key_known_before(data: Data, key: str) -> Iterator[Finding]:
    if getattr(data, key) in data.known_after:
        mend = "take it out of `known_after`, or name another column"
        yield Finding(("data", key), "listed as known only after the decision", mend)


def _positive(charter: Charter) -> Iterator[Finding]:
    positive = charter.data.positive
    if charter.task == "regression" and positive is not None:
        mend = "take it out, or give `value.actions` for classification"
        yield Finding(("data", "positive"), "a regression has no positive outcome", mend)


def _revealed_by(charter: Charter) -> Iterator[Finding]:
    revealed_by = charter.data.revealed_by
    if charter.task == "regression":
        if revealed_by:
            mend = "take it out: the outcome is seen after every decision"
            yield Finding(("data", "revealed_by"), "a regression has no named actions", mend)
        return
    asked = (REFER,) if charter.value.refer is not None else ()
    actions = (*actions_of(charter.value), *asked)
    for i, action in enumerate(revealed_by):
        if action not in actions:
            mend = did_you_mean(action, actions) or f"name one of: {', '.join(actions)}"
            yield Finding(("data", "revealed_by", i), "no such action in `value.actions`", mend)


def _window(charter: Charter) -> Iterator[Finding]:
    window = charter.monitoring.window
    if window.unit == "window" or window.count == 0:
        mend = "say how long a window is: `1000 rows` or `7 days`"
        yield Finding(("monitoring", "window"), "this gives no length", mend)


def _delay_fits_window(charter: Charter) -> Iterator[Finding]:
    delay, window = charter.data.label_delay, charter.monitoring.window
    if delay.count == 0 or "window" in (delay.unit, window.unit):
        return
    if (delay.unit in _CLOCK) != (window.unit in _CLOCK):
        yield Finding(
            ("data", "label_delay"),
            f"a delay in {delay.unit}s does not go together with windows of {window}",
            "give both in rows, or both in hours or days, or the delay in windows",
        )


def _delay_needs_clock(charter: Charter) -> Iterator[Finding]:
    """A delay by the clock needs moments; in an order without them nobody knows what came when."""
    data, window = charter.data, charter.monitoring.window
    if data.order != "rows" or data.time is not None or not data.label_delay.count:
        return
    if window.unit in _CLOCK and data.label_delay.unit in (*_CLOCK, "window"):
        yield Finding(
            ("data", "label_delay"),
            f"a delay by the clock (windows of {window}), and `order: rows` gives no moments",
            "name a column of dates or moments in `data.time` in the place of `order: rows`, or "
            "give `data.label_delay` and `monitoring.window` in rows",
        )


def _time_zone(charter: Charter) -> Iterator[Finding]:
    name = charter.monitoring.time_zone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        mend = did_you_mean(name, available_timezones()) or "write UTC, or one as Europe/Lisbon"
        yield Finding(("monitoring", "time_zone"), "no such time zone", mend)


RULES = (
    _one_order,
    _outcome_is_no_feature,
    _columns_once,
    _sensitive_known_before,
    _keys_known_before,
    _positive,
    _revealed_by,
    _window,
    _delay_fits_window,
    _delay_needs_clock,
    _time_zone,
)
