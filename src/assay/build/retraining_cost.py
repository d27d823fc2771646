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
        return (f"{paid} for retraining {_how_often(often)} by the calendar, {each} each time.",)
    why = "come on alert" if charter.response.policy == "triggered" else "are not planned"
    return (f"Retrainings {why}: each costs {each}, which the business case leaves out.",)


def _how_often(a_month: float) -> str:
    """Say how often something comes that comes so many times a month.

    >>> _how_often(2 / 3), _how_often(1.0), _how_often(2.0)
    ('every 1.5 months', 'every month', '2 times a month')
    """
    if a_month > 1:
        return f"{a_month:,.3g} times a month"
    months = f"{1 / a_month:,.3g}"
    return "every month" if months == "1" else f"every {months} months"
