"""What retraining will cost a month, as far as the charter says when it comes."""

from __future__ import annotations

from assay.charter.charter import Charter

__all__ = ["retraining_in_words", "retrainings_per_month"]

_HOURS_A_MONTH = 730.5
_HOURS = {"hour": 1, "day": 24}


def retrainings_per_month(charter: Charter) -> float:
    """Return how many retrainings come by the calendar; none where alerts or nothing calls them.

    A window of rows takes the time in which the charter's decisions per month fill it.
    """
    window, response = charter.monitoring.window, charter.response
    if response.policy != "scheduled":
        return 0.0
    if window.unit in _HOURS:
        months = window.count * _HOURS[window.unit] / _HOURS_A_MONTH
    else:
        months = window.count / charter.value.decisions_per_month
    return 1 / (months * response.every)


def retraining_in_words(charter: Charter) -> tuple[str, ...]:
    """Say what the business case holds of retraining; nothing where one costs nothing."""
    cost, currency = charter.value.retraining_cost, charter.value.currency
    if not cost:
        return ()
    each = f"{cost:,.6g} {currency}"
    often = retrainings_per_month(charter)
    if often:
        paid = f"The business case pays {often * cost:,.4g} {currency} a month"
        return (f"{paid} for {often:.3g} retrainings by the calendar, {each} each.",)
    why = "come on alert" if charter.response.policy == "triggered" else "are not planned"
    return (f"Retrainings {why}: each costs {each} that the business case does not hold.",)
