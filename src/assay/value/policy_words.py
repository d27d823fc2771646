"""How a policy decides, in a few words."""

from __future__ import annotations

from assay.charter.policy import BestAction, Budget, Threshold, TopK, Windowed
from assay.value.classification import ClassificationValuation
from assay.value.valuation import Valuation

__all__ = ["policy_in_words"]


def policy_in_words(valuation: Valuation) -> str:
    """Say how a valuation decides; a threshold that was learned is said to be.

    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> policy = Threshold(action="call", otherwise="skip", at=0.5)
    >>> policy_in_words(
    ...     ClassificationValuation("EUR", table, policy, {"nobody": "skip"}, "nobody"))
    '`call` from a probability of 0.5 on, else `skip`'
    """
    if not isinstance(valuation, ClassificationValuation):
        return "the amount of highest expected payoff"
    words = _own_actions(valuation)
    if valuation.reviewer is None:
        return words
    return f"{words}, or `refer`{_at_most(valuation)}"


def _own_actions(valuation: ClassificationValuation) -> str:
    policy = valuation.policy
    if isinstance(policy, BestAction):
        return "the action of highest expected payoff"
    if isinstance(policy, Budget):
        window = _window(policy) if policy.of is None else f" in every {policy.of:,} cases"
        return f"the actions that bring most for at most {policy.amount:,g}{window}"
    rest = f", else `{policy.otherwise}`" if policy.otherwise else ""
    if isinstance(policy, TopK):
        return f"`{policy.action}` for the best {policy.k:,}{_window(policy)}{rest}"
    return f"`{policy.action}` from {_cut(policy, valuation.learned)}{rest}"


def _cut(policy: Threshold, learned: float | None) -> str:
    if policy.at is not None:
        return f"a probability of {policy.at:.4g} on"
    if learned is not None:
        return f"a probability of {learned:.4g} on (learned)"
    return "where it pays on"


def _at_most(valuation: ClassificationValuation) -> str:
    limit = valuation.capacity
    return "" if limit is None else f" (at most {limit.k:,}{_window(limit)})"


def _window(limit: Windowed) -> str:
    return f" a {limit.per}" if limit.of is None else f" of {limit.of:,} cases"
