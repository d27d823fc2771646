"""What an evaluation says in words, each under the heading where a reader looks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["Section", "curve_words", "payback_month", "sections_of"]

Section = tuple[str, tuple[str, ...]]
"""A heading and its sentences."""

_FIRST = "What to know first"


def sections_of(content: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the words of an evaluation's content by heading; a heading has at least one sentence.

    Evidence of older builds says less, and does not tell words on the business case and the shares
    apart: they stand first then.
    """
    case = content["business_case"]
    shares = tuple((content.get("shares") or {}).get("words", ()))
    business, own = tuple(case.get("words", ())), (*case.get("words", ()), *shares)
    found = (
        (_FIRST, tuple(words for words in content["words"] if words not in own)),
        ("Thresholds", _about_thresholds(content)),
        ("Business case", (*_about_business(content), *business)),
        ("How good a model must be", _about_break_even(content)),
        ("What the shares show", shares),
    )
    return tuple((heading, words) for heading, words in found if words)


def curve_words(content: Mapping[str, Any], text: str) -> str:
    """Return a sentence on a threshold with the action that it stands for, where that is known.

    >>> curve = {"action": "call", "otherwise": "skip", "outcome": "yes"}
    >>> curve_words({"value_curve": curve}, "0.5 would cost 9 EUR a month [8, 10]; use 0.1")
    '`call` from 0.5 on would cost 9 EUR a month [8, 10]; use 0.1'
    """
    action = (content.get("value_curve") or {}).get("action")
    number, space, rest = text.partition(" ")
    return text if action is None else f"`{action}` from {number} on{space}{rest}"


def _about_thresholds(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what other thresholds than the policy's would have cost on the test rows."""
    if "no_threshold" in content:
        return (content["no_threshold"],)
    curve, found = content.get("value_curve") or {}, content.get("thresholds", ())
    words = []
    for one in found:
        how = "" if one.get("beyond") else f" ({one['how']})"
        words.append(f"{curve_words(content, one['text'])}{how}.")
    if words and "action" in curve:
        words.insert(
            0,
            f"A threshold is the probability of `{curve['outcome']}` from which a case gets "
            f"`{curve['action']}`; below it, it gets `{curve['otherwise']}`.",
        )
    return tuple(words)


def _about_business(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what the business case rests on; evidence of older builds says less."""
    case, words = content["business_case"], []
    if "text" in case:
        words.append(case["text"])
    words.append(_payback(case))
    expected = case["net_present_value"]
    off = abs(case.get("likeliest", expected["mean"]) - expected["mean"])
    if off > 0.005 * abs(expected["mean"]):
        words.append(
            f"With everything at its likeliest the net present value would be "
            f"{case['likeliest']:,.0f} {expected['unit']}: the stated ranges reach further to one "
            "side."
        )
    storm = content.get("tornado")
    return (*words, *([storm["text"]] if storm else ()))


def _payback(case: Mapping[str, Any]) -> str:
    """Say when the money is back, or that it never is."""
    mean, *ends = (payback_month(case, name) for name in ("mean", "low", "high"))
    months = len(case["cash"]) - 1
    early, late = ("never" if math.isinf(end) else f"{end:.0f}" for end in ends)
    chance = f"the chance of it within {months} months is {case['chance_of_payback']:.0%}"
    if math.isinf(mean):
        return f"The expected cash flow is not paid back; {chance}."
    when = f"in month {mean:.0f} [{early}, {late}]"
    return f"The expected cash flow is paid back {when}; {chance}."


def payback_month(case: Mapping[str, Any], name: str) -> float:
    """Return a month of the payback, infinite for never: null in evidence of older builds."""
    month = case["payback_month"][name]
    return math.inf if month is None else float(month)


def _about_break_even(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Say how good a model must be, and how good this one is."""
    least = content.get("break_even")
    if not least:
        return ()
    measured = least.get("measured")
    if measured is None or not least["text"].startswith(("A ", "The break-even is ")):
        return (str(least["text"]),)
    figure = f"ROC AUC is {measured:.3f}" if "auc" in least else f"error is {_short(measured)}"
    return (f"{least['text']} This model's {figure}.",)


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
