"""`assay release`: on its way into production, step by step, or back."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Directory, Json, say, show
from assay.cli.release_plan import tell_plan
from assay.errors import CheckFailed

if TYPE_CHECKING:
    from assay.deploy.release_plan import ReleasePlan
    from assay.deploy.rollout import Decision
    from assay.evidence.folds import ReleaseState
    from assay.lifecycle.releasing import Action
    from assay.workspace import Workspace

__all__ = ["Step", "release"]


class Step(StrEnum):
    """What can be done with a release."""

    PLAN = "plan"
    START = "start"
    DECIDE = "decide"
    STEP = "step"
    PROMOTE = "promote"
    ROLL_BACK = "roll-back"


_ACTIONS: dict[Step, Action] = {
    Step.START: "start",
    Step.STEP: "step",
    Step.PROMOTE: "promote",
    Step.ROLL_BACK: "roll_back",
}


def release(
    directory: Directory = Path(),
    do: Annotated[
        Step,
        typer.Option(
            "--do",
            help="plan how long a canary takes; start a release; decide a canary by what is known; "
            "step, promote or roll back by hand.",
        ),
    ] = Step.START,
    version: Annotated[int | None, typer.Option(help="The version; the newest.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for a step by hand.")] = "by hand",
    json: Json = False,
) -> None:
    """Release what the gate has opened; refuse what it has not, and say what is missing."""
    from assay.lifecycle.loss_budget import loss_budget
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    if do is Step.PLAN:
        planned = workspace.release_plan(version)
        show(planned.document(), lambda: tell_plan(planned), json=json)
        return
    decision = plan = None
    if do is Step.DECIDE:
        decision = workspace.decide()
        state = workspace.release_state()
    else:
        state = workspace.release(version, action=_ACTIONS[do], reason=reason)
    budget = None
    if workspace.charter.release.strategy == "canary":
        budget = loss_budget(workspace.charter, state, workspace.ports.clock.now())
        plan = _planned(workspace) if do is Step.START else None
    document = {
        "release": _document(state),
        "decision": _decided(decision),
        "loss_budget": budget and {"year": budget.total, "spent": budget.spent},
        "plan": plan if plan is None or isinstance(plan, str) else plan.document(),
    }

    def text() -> None:
        _tell(state, decision, plan, asked=do is Step.DECIDE)
        if budget is not None:
            say(f"{budget}.")

    show(document, text, json=json)


def _planned(workspace: Workspace) -> ReleasePlan | str:
    """Return the plan of the canary just started, or why it cannot be planned: it runs anyway."""
    try:
        return workspace.release_plan()
    except CheckFailed as error:
        return str(error)


def _document(state: ReleaseState) -> dict[str, object]:
    return {
        "champion": state.champion.version if state.champion else None,
        "challenger": state.challenger.version if state.challenger else None,
        "challenger_share": state.weight,
        "revision": state.revision,
    }


def _decided(decision: Decision | None) -> dict[str, object] | None:
    if decision is None:
        return None
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "difference": decision.difference.document(),
    }


def _tell(
    state: ReleaseState, decision: Decision | None, plan: ReleasePlan | str | None, *, asked: bool
) -> None:
    if asked and decision is None:
        say("Too early to decide: fewer than a hundred matured decisions.")
    if decision is not None:
        say(f"{decision.verdict.replace('_', ' ')}: {decision.reason}", style="bold")
        say(f"  challenger minus {decision.state.plan.against}: {decision.difference}")
    for line in _serving(state):
        say(line)
    if plan is not None:
        say(plan if isinstance(plan, str) else plan.line)


def _serving(state: ReleaseState) -> Iterator[str]:
    """Say who decides, and of how much traffic."""
    if state.champion is not None:
        yield f"Champion: version {state.champion.version}, {1 - state.weight:.0%} of traffic."
    elif state.challenger is not None:
        yield f"The baseline decides {1 - state.weight:.0%} of traffic: no version served before."
    if state.challenger is not None:
        yield f"Challenger: version {state.challenger.version}, {state.weight:.0%} of traffic."
    if state.fallen is not None and state.challenger is None:
        yield f"The baseline {state.baseline} decides: version {state.fallen.version} fell back."
    elif state.champion is None and state.challenger is None:
        yield "Nothing serves."
