"""How a release is told: who decides, of how much traffic, and what is on its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from assay.cli.output import say

if TYPE_CHECKING:
    from assay.deploy.rollout import Decision
    from assay.evidence.folds import ReleaseState

__all__ = ["decided", "released", "tell_decision", "tell_release"]


def released(state: ReleaseState) -> dict[str, object]:
    """Return how a release stands as a JSON document."""
    return {
        "environment": state.environment,
        "champion": state.champion.version if state.champion else None,
        "challenger": state.challenger.version if state.challenger else None,
        "challenger_share": state.weight,
        "strategy": state.strategy,
        "stages": [dict(stage) for stage in state.stages],
        "paused": state.paused,
        "baseline": state.baseline if state.fallen else None,
        "revision": state.revision,
    }


def decided(decision: Decision | None) -> dict[str, object] | None:
    """Return a decision as a JSON document; None where it was too early for one."""
    if decision is None:
        return None
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "difference": decision.difference.document(),
        "value_told": not decision.state.plan.untold,
        "missing_copies": decision.state.missing,
        "guardrails": {
            name: one.share(decision.state.plan.alpha).document()
            for name, one in decision.state.guardrails.items()
        },
    }


def tell_decision(decision: Decision | None) -> None:
    """Print what was decided, and on which difference."""
    if decision is None:
        say("Too early to decide: fewer than a hundred matured decisions.")
        return
    say(f"{decision.verdict.replace('_', ' ')}: {decision.reason}", style="bold")
    found, plan = decision.state, decision.state.plan
    if not plan.untold:
        say(f"  challenger minus {plan.against}: {decision.difference}")
    for name, one in found.guardrails.items():
        say(f"  {name}: {one.share(plan.alpha)}, {one.n:,} cases")


def tell_release(state: ReleaseState) -> None:
    """Print who decides, and what is on its way."""
    for line in (*_deciding(state), *_trying(state)):
        say(line)
    if state.pause is not None:
        say(f"Paused since {state.pause.at:%Y-%m-%d %H:%M}: {state.pause.reason}")


def _deciding(state: ReleaseState) -> Iterator[str]:
    if state.champion is not None:
        yield f"Champion: version {state.champion.version}, {1 - state.weight:.0%} of traffic."
    elif state.fallen is not None:
        rest = f", {1 - state.weight:.0%} of traffic" if state.weight else ""
        yield (
            f"The baseline {state.baseline} decides{rest}: version {state.fallen.version} "
            "fell back."
        )
    elif state.challenger is None:
        yield "Nothing serves."
    elif state.strategy in {"canary", "shadow"}:
        yield f"The baseline decides {1 - state.weight:.0%} of traffic: no version served before."
    else:
        yield "Nothing served before it."


def _trying(state: ReleaseState) -> Iterator[str]:
    if state.challenger is None:
        return
    how = {
        "shadow": "scores copies of requests and answers none",
        "blue_green": "is loaded beside and waits to be flipped",
        "staged": f"serves where {_places(state.stages)}",
    }.get(state.strategy)
    said = f", {state.weight:.0%} of traffic." if how is None else f" {how}."
    yield f"Challenger: version {state.challenger.version}{said}"


def _places(stages: tuple[Mapping[str, str], ...]) -> str:
    return " or ".join(
        " and ".join(f"{name} is {value}" for name, value in stage.items()) for stage in stages
    )
