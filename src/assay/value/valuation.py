"""The one way to put money on forecasts, decisions and outcomes, derived from the charter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from assay.charter.data import Data
from assay.charter.policy import REFER, BestAction, Budget, Policy
from assay.charter.value import ValueModel
from assay.errors import CharterError, Fault, ModelError
from assay.value.classification import COLUMN_PREFIX, ClassificationValuation
from assay.value.continuous_payoff import PayoffFunction, UnitCosts
from assay.value.labels import label_text
from assay.value.payoff import Columns, Floats, PayoffTable
from assay.value.plugin import PluggedPayoff, PluggedTable, Plugin
from assay.value.regression import ContinuousPayoff, RegressionValuation
from assay.value.reviewer import Reviewer

__all__ = ["Valuation", "valuation", "valuation_from_document"]


class Valuation(Protocol):
    """What forecasts, decisions and outcomes are worth, under one charter.

    Forecasts are (n, K): probabilities of the K outcomes in the order of `labels`, or in
    regression K equally weighted quantiles. Decisions are action codes (int64), or amounts
    (float64). Outcomes are codes or amounts as `encode` returns them. All payoffs are in
    `currency` per decision.
    """

    @property
    def task(self) -> Literal["classification", "regression"]:
        """What kind of forecasts it takes."""
        ...

    @property
    def currency(self) -> str:
        """The charter's currency, an ISO 4217 code."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The outcomes in the order of a forecast (a positive one last); empty in regression."""
        ...

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions in the order of their codes; empty in regression."""
        ...

    @property
    def baseline_name(self) -> str:
        """The baseline that uplift is measured against."""
        ...

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """Every baseline."""
        ...

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that payoffs and baselines read; they must come with each case."""
        ...

    @property
    def case_by_case(self) -> bool:
        """Whether a decision hangs on its own case alone, and not on those given with it."""
        ...

    def encode(self, outcomes: NDArray[Any]) -> NDArray[Any]:
        """Return raw outcomes as codes or amounts; DataError where one is unknown or missing."""
        ...

    def decide(self, forecast: Floats, columns: Columns) -> NDArray[Any]:
        """Return the policy's decisions."""
        ...

    def decide_and_value(self, forecast: Floats, columns: Columns) -> tuple[NDArray[Any], Floats]:
        """Return the policy's decisions and the expected payoff of each, worked out once."""
        ...

    def expected(self, forecast: Floats, decisions: NDArray[Any], columns: Columns) -> Floats:
        """Return the expected payoff of each case."""
        ...

    def realised(self, decisions: NDArray[Any], outcomes: NDArray[Any], columns: Columns) -> Floats:
        """Return the payoff of each case whose outcome is known."""
        ...

    def baseline(self, columns: Columns, n: int, name: str | None = None) -> NDArray[Any]:
        """Return a baseline's decisions for n cases (the charter's baseline where not named)."""
        ...

    def hindsight(self, outcomes: NDArray[Any], columns: Columns) -> NDArray[Any]:
        """Return the best decisions knowing the outcomes."""
        ...

    def perfect(self, outcomes: NDArray[Any], columns: Columns) -> NDArray[Any]:
        """Return what perfect information would decide for these cases, within the limits."""
        ...

    def tuned(self, forecast: Floats, outcomes: NDArray[Any], columns: Columns) -> Valuation:
        """Return the valuation with thresholds, cuts and constants learned from outcomes."""
        ...

    def untuned(self) -> Valuation:
        """Return the valuation as the charter has it, with nothing learned."""
        ...

    def names(self, decisions: NDArray[Any]) -> list[str] | list[float]:
        """Return decisions as people say them."""
        ...

    def bounds(self) -> tuple[float, float]:
        """Return the least and the most that one case can pay."""
        ...

    def document(self) -> dict[str, Any]:
        """Return a JSON document that `valuation_from_document` reads."""
        ...


def valuation(
    model: ValueModel, data: Data, functions: Mapping[str, Callable[..., Any]] | None = None
) -> Valuation:
    """Return the valuation that a charter's `value` and `data` sections promise.

    The payoffs are those that hold at first; `model.at(day)` has those of a day. `functions` are
    payoff functions by name, for what no installed package offers.

    Raises CharterError where the two do not go together (loading a charter finds these faults
    first), and ExpressionError where a payoff does not parse.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    ...     "baselines": {"nobody": "skip"}, "baseline": "nobody", "decisions_per_month": 1000})
    >>> bank = valuation(model, Data(source="bank.csv", outcome="y", positive="yes"))
    >>> bank.labels, bank.actions, bank.bounds()
    (('no', 'yes'), ('call', 'skip'), (-1.0, 9.0))
    """
    if model.baseline not in model.baselines:
        raise _fault("value.baseline", "is not among the baselines", model.baseline)
    if model.task == "regression":
        return _regression(model, functions or {})
    return _classification(model, data, functions or {})


def valuation_from_document(document: Mapping[str, Any]) -> Valuation:
    """Read a valuation back from its document; ModelError where the format is not known."""
    if document.get("format") not in (1, 2, 3, 4):
        raise ModelError(
            f"This decision policy has format {document.get('format')!r}; this version of Assay "
            "reads formats 1 to 4. Build the bundle anew, or use the version that wrote it."
        )
    if document["task"] == "regression":
        return RegressionValuation.from_document(document)
    if document["format"] == 1:
        document = _from_format_1(document)
    return ClassificationValuation.from_document(document)


def _from_format_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Format 1 knew no reviewer, and called the price of a capacity `learned`."""
    cut = document["learned"] if document["policy"]["kind"] == "top_k" else None
    return {
        **document,
        "learned": None if cut is not None else document["learned"],
        "prices": None if cut is None else [cut],
        "reviewer": None,
        "capacity": None,
        "volume": None,
    }


def _classification(
    model: ValueModel, data: Data, functions: Mapping[str, Callable[..., Any]]
) -> ClassificationValuation:
    table = _plugged(model, functions) if model.function else _table(model, data)
    refer = model.refer
    known = table.actions if refer is None else (*table.actions, REFER)
    baselines = {name: str(rule) for name, rule in model.baselines.items()}
    for name, rule in baselines.items():
        if rule not in known and not rule.startswith(COLUMN_PREFIX):
            raise _fault(f"value.baselines.{name}", "is no action and no `column: C`", rule)
    return ClassificationValuation(
        currency=model.currency,
        table=table,
        policy=_complete(model.policy, table.actions, baselines[model.baseline]),
        baselines=baselines,
        baseline_name=model.baseline,
        reviewer=None if refer is None else Reviewer.of(refer, table.labels, table.actions),
        capacity=None if refer is None else refer.capacity,
        volume=model.decisions_per_month,
    )


def _plugged(model: ValueModel, functions: Mapping[str, Callable[..., Any]]) -> PluggedTable:
    """Return the table of a payoff function; the positive outcome is the last it names."""
    given = model.function
    if given is None or given.actions is None or given.outcomes is None:
        raise _fault("value.function", "names no actions and outcomes", None)
    plugin = Plugin.of(given, functions)
    return PluggedTable(given.actions, given.outcomes, plugin, dict(model.caps))


def _table(model: ValueModel, data: Data) -> PayoffTable:
    """Lay the payoffs out, the outcomes in the table's order, the positive one (if named) last.

    Two outcomes need to know which is positive; among more, none need be.
    """
    given = model.actions or {}
    named = dict.fromkeys(
        label for cells in given.values() if isinstance(cells, dict) for label in cells
    )
    labels = tuple(named)
    if len(named) < 3 or data.positive is not None:
        positive = None if data.positive is None else label_text(data.positive)
        if positive not in named:
            raise _fault("data.positive", "is not an outcome of the payoff table", positive)
        labels = (*(label for label in named if label != positive), positive)
    rows = []
    for action, cells in given.items():
        missing = [label for label in labels if isinstance(cells, dict) and label not in cells]
        if missing:
            raise _fault(f"value.actions.{action}", f"has no payoff for {missing[0]!r}", cells)
        rows.append(tuple(cells[label] if isinstance(cells, dict) else cells for label in labels))
    table = PayoffTable(tuple(given), labels, tuple(rows), dict(model.caps))
    _ = table.columns  # parses every expression, so that a fault shows here
    return table


def _complete(policy: Policy, actions: tuple[str, ...], baseline: str) -> Policy:
    """Fill in what the policy does with the cases it does not act on.

    Two actions leave no choice; among more, it is what the baseline does.
    """
    if isinstance(policy, BestAction | Budget):
        return policy
    others = [action for action in actions if action != policy.action]
    rest = policy.otherwise or (others[0] if len(others) == 1 else baseline)
    for role, action in (("action", policy.action), ("otherwise", rest)):
        if action not in actions:
            raise _fault(f"value.policy.{role}", f"is none of {', '.join(actions)}", action)
    return policy.model_copy(update={"otherwise": rest})


def _regression(
    model: ValueModel, functions: Mapping[str, Callable[..., Any]]
) -> RegressionValuation:
    if not isinstance(model.policy, BestAction):
        raise _fault("value.policy", "does not apply to regression", model.policy.kind)
    caps = dict(model.caps)
    payoff: ContinuousPayoff
    if model.function is not None:
        payoff = PluggedPayoff(Plugin.of(model.function, functions), caps)
    elif model.payoff is not None:
        payoff = PayoffFunction(model.payoff, caps)
    else:
        payoff = UnitCosts(model.under or 0.0, model.over or 0.0, caps)
    valued = RegressionValuation(
        currency=model.currency,
        payoff=payoff,
        baselines=dict(model.baselines),
        baseline_name=model.baseline,
    )
    _ = valued.columns  # parses every expression, so that a fault shows here
    return valued


def _fault(path: str, problem: str, given: object) -> CharterError:
    mend = "run `assay check`, which lists every fault of the charter with its mend"
    return CharterError("The charter", [Fault(path, problem, str(given), mend)])
