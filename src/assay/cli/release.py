"""`assay release`: on its way into production, step by step, or back."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import Directory, Environment, Json, say, show
from assay.cli.release_plan import tell_plan
from assay.cli.release_words import decided, released, tell_decision, tell_release
from assay.errors import CheckFailed, InputError

if TYPE_CHECKING:
    from assay.deploy.release_plan import ReleasePlan
    from assay.deploy.rollout import Decision
    from assay.evidence.folds import ReleaseState
    from assay.lifecycle.controller import Reconciled
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
    PAUSE = "pause"
    RESUME = "resume"
    FALL_BACK = "fall-back"
    RECONCILE = "reconcile"


_ACTIONS: dict[Step, Action] = {
    Step.START: "start",
    Step.STEP: "step",
    Step.PROMOTE: "promote",
    Step.ROLL_BACK: "roll_back",
    Step.PAUSE: "pause",
    Step.RESUME: "resume",
}

_BACK = {Step.ROLL_BACK, Step.PAUSE, Step.FALL_BACK}
"""What is told without the loss budget, which it takes nothing of and which is slow to load."""

_VALUED = {"canary", "shadow"}
_WATCHED = {*_VALUED, "staged"}


def release(
    directory: Directory = Path(),
    what: Annotated[
        Step | None,
        typer.Argument(
            help="start (the default) a release; step or promote it by hand; roll-back, pause, "
            "resume it, or fall-back to the baseline at once; plan how long it takes; decide it by "
            "what is known; reconcile: take the step that is due, if any.",
        ),
    ] = None,
    do: Annotated[Step | None, typer.Option("--do", help="The same as the argument.")] = None,
    version: Annotated[int | None, typer.Option(help="The version; the newest.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for a step by hand.")] = "by hand",
    baseline: Annotated[
        str | None, typer.Option(help="With fall-back: which one; the charter's.")
    ] = None,
    environment: Environment = None,
    json: Json = False,
) -> None:
    """Release what the gate has opened; refuse what it has not, and say what is missing."""
    from assay.workspace import Workspace

    if what is not None and do not in {None, what}:
        raise InputError(f"Both {what.value} and `--do {do}` are asked for. Name one of them.")
    step = what or do or _start(directory)
    workspace = Workspace(directory, environment=environment)
    if step is Step.PLAN:
        planned = workspace.release_plan(version)
        show(planned.document(), lambda: tell_plan(planned), json=json)
    elif step in {Step.DECIDE, Step.RECONCILE}:
        _looked(workspace, json=json, asked=step is Step.DECIDE)
    elif step in _BACK:
        _gone_back(workspace, step, baseline, reason, json=json)
    else:
        state = workspace.release(version, action=_ACTIONS[step], reason=reason)
        watched = step is Step.START and state.running and state.strategy in _WATCHED
        _done(workspace, state, _planned(workspace) if watched else None, json=json)


def _start(directory: Path) -> Step:
    """Return that a release is started; InputError where a step stands in the directory's place."""
    if str(directory) in set(Step) and not directory.exists():
        raise InputError(
            f"There is no directory {directory}. If the step is meant, name the directory before "
            f"it: `assay release . {directory}`."
        )
    return Step.START


def _planned(workspace: Workspace) -> ReleasePlan | str:
    """Return the plan of the release just started, or why it cannot be planned: it runs anyway."""
    try:
        return workspace.release_plan()
    except CheckFailed as error:
        return str(error)


def _gone_back(
    workspace: Workspace, step: Step, baseline: str | None, reason: str, *, json: bool
) -> None:
    if step is Step.FALL_BACK:
        state = workspace.fall_back(baseline, reason=reason)
    else:
        state = workspace.release(action=_ACTIONS[step], reason=reason)
    if workspace.warning:
        print(f"assay: {workspace.warning}", file=sys.stderr)
    document = {"release": released(state), "decision": None, "loss_budget": None, "plan": None}
    show({**document, "awaits": []}, lambda: tell_release(state), json=json)


def _done(
    workspace: Workspace, state: ReleaseState, plan: ReleasePlan | str | None, *, json: bool
) -> None:
    budget, awaited = _budget(workspace, state), workspace.awaited(state)
    document = {
        "release": released(state),
        "decision": None,
        "loss_budget": budget and budget[1],
        "plan": plan if plan is None or isinstance(plan, str) else plan.document(),
        "awaits": list(awaited.names),
    }

    def text() -> None:
        tell_release(state)
        if awaited.agents:
            say(str(awaited))
        if plan is not None:
            say(plan if isinstance(plan, str) else plan.line)
        if budget is not None:
            say(f"{budget[0]}.")

    show(document, text, json=json)


def _looked(workspace: Workspace, *, json: bool, asked: bool) -> None:
    """Let the controller look once, and tell what it saw and did."""
    found, decision = _look(workspace, asked=asked)
    state, step = found.state, found.step
    budget = _budget(workspace, state)
    document = {
        "release": released(state),
        "step": None if step is None else {"do": step.do, "reason": step.reason},
        "decision": decided(decision),
        "loss_budget": budget and budget[1],
        "plan": None,
        "awaits": list(workspace.awaited(state).names),
    }

    def text() -> None:
        if asked:
            tell_decision(decision)
        if step is None:
            say("Nothing is on its way.")
        elif decision is None or step.reason != decision.reason or not asked:
            say(f"{step.do.replace('_', ' ')}: {step.reason}", style="bold")
        tell_release(state)
        if budget is not None:
            say(f"{budget[0]}.")

    show(document, text, json=json)


def _look(workspace: Workspace, *, asked: bool) -> tuple[Reconciled, Decision | None]:
    if asked:
        return workspace.decided()
    return workspace.reconcile(), None


def _budget(workspace: Workspace, state: ReleaseState) -> tuple[str, dict[str, float]] | None:
    """Return the loss budget in words and numbers, where value decides releases."""
    from assay.lifecycle.loss_budget import loss_budget

    if workspace.charter.release.strategy not in _VALUED:
        return None
    budget = loss_budget(workspace.charter, state, workspace.ports.clock.now())
    return str(budget), {"year": budget.total, "spent": budget.spent}
