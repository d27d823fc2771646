"""A year of a simulated campaign, played through the real parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from assay.adapters.installation_key import write_installation_key
from assay.adapters.model_engine import load_model
from assay.build.columns import to_columns
from assay.cli.serving_process import Gateway, running_gateway
from assay.deploy.fetch import fetch_bundle
from assay.deploy.scoring import Scorer, read_signature
from assay.errors import DataError
from assay.lifecycle.campaign import CALL_COST, DEPOSIT_MARGIN, Campaign, Month
from assay.workspace import Workspace
from assay.workspace.root import STATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.evidence.gate import Verdict

__all__ = ["MonthPlayed", "Year", "set_up"]

_MONTHS = 12
_CLIENTS = 8000
_HISTORY = 64_800
_BREACHES = ("value", "plan", "stale")


def set_up(directory: Path, campaign: Campaign) -> Workspace:
    """Write charter and history of the campaign into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    charter = files("assay.lifecycle") / "campaign_charter.yaml"
    (directory / "charter.yaml").write_text(charter.read_text(encoding="utf-8"))
    campaign.history(_HISTORY).write_parquet(directory / "history.parquet")
    # Predictions are named under this key, and random actions drawn by their names: with a key of
    # its own each run would earn another sum.
    write_installation_key(directory / STATE / "capture.key", "campaign")
    return Workspace(directory)


@dataclass
class MonthPlayed:
    """One month as it went: calls, true money of the clients, and what Assay said and did."""

    number: int
    calls: int
    earned: float
    unanswered: float
    said: list[str] = field(default_factory=list)


class Year:
    """Plays month after month: traffic over HTTP, outcomes a month late, alerts, responses.

    `earned` of a month is what the decisions served really brought. `unanswered` is the same until
    a retrained version serves, and from then on what the first version would have brought.
    The simulation knows both exactly.
    """

    def __init__(
        self, workspace: Workspace, campaign: Campaign, tell: Callable[[str], None]
    ) -> None:
        self.workspace = workspace
        self.campaign = campaign
        self.tell = tell
        self._ids: dict[int, list[str]] = {}
        self._months: dict[int, Month] = {}
        self._breaches = 0

    def approve(self) -> Verdict:
        """Let the two lines of defence sign the newest version, and ask the gate."""
        people = self.workspace.charter.people
        self.workspace.sign(people.product_manager[0], "product_manager")
        self.workspace.sign(people.risk_officer[0], "risk_officer")
        _, verdict = self.workspace.gate()
        return verdict

    def play(self) -> Iterator[MonthPlayed]:
        """Serve the year through a gateway process and yield each month when it is over."""
        first = self._scorer()
        with running_gateway(self.workspace.serving_state()) as gateway:
            for month in self.campaign.months(_MONTHS, _CLIENTS):
                yield self._play(month, gateway, first)

    def _play(self, month: Month, gateway: Gateway, first: Scorer) -> MonthPlayed:
        name = self.workspace.charter.name
        gateway.wait_for(self.workspace.release_state().revision)
        ids = gateway.infer(name, month.clients, "client", f"month-{month.number:02d}")
        self._ids[month.number], self._months[month.number] = ids, month
        called = self._called(ids)
        alone = self._calls(first, month) if max(self._serving()) > "1" else called
        played = MonthPlayed(
            month.number,
            int(called.sum()),
            _earned(called, month),
            _earned(alone, month),
        )
        self._hand_in(month.number - 1)
        self._watch(played)
        return played

    def _hand_in(self, number: int) -> None:
        """Hand in the outcomes of a month ago: they are seen for clients who were called."""
        month = self._months.get(number)
        if month is None:
            return
        ids = self._ids[number]
        called = self._called(ids)
        outcomes = pl.DataFrame(
            {
                "id": [one for one, seen in zip(ids, called, strict=True) if seen],
                "outcome": np.where(month.would_open[called], "yes", "no"),
            }
        )
        path = self.workspace.directory / f"outcomes-month-{number:02d}.csv"
        outcomes.write_csv(path)
        self.workspace.outcomes(path)

    def _watch(self, played: MonthPlayed) -> None:
        posted = self.workspace.monitor()
        for alert in posted.result.changes.raised:
            if alert.windows == alert.windows[-1:]:
                played.said.append(f"ALERT {alert.finding.text}")
        state = self.workspace.release_state()
        if state.challenger is not None:
            self._decide(played)
        elif self._breached():
            self._breaches += 1
            if self._breaches > self.workspace.charter.response.cooldown:
                self._respond(played)
            else:
                played.said.append("one more month of outcomes before a retraining")

    def _breached(self) -> bool:
        alerts = self.workspace.status().alerts
        return any(alert.open and alert.kind in _BREACHES for alert in alerts)

    def _respond(self, played: MonthPlayed) -> None:
        """Retrain on the newest rows, let people sign, and try the new version on some clients."""
        self.tell("retraining on the newest rows")
        try:
            made = self.workspace.build(newest=True)
        except DataError as error:
            played.said.append(f"no retraining yet: {error}")
            return
        verdict = self.approve()
        worth = made.uplift_per_month
        if not verdict.open:
            reasons = "; ".join(verdict.reasons)
            played.said.append(f"version {made.version} retrained; the gate refuses it: {reasons}")
            return
        share = self.workspace.release(salt=f"simulated-{made.version}").weight
        played.said.append(
            f"version {made.version} retrained ({worth}), signed, on trial with {share:.0%}"
        )

    def _decide(self, played: MonthPlayed) -> None:
        decision = self.workspace.decide()
        if decision is None:
            return
        word = {"promote": "promoted", "roll_back": "rolled back", "hold": "still on trial"}
        played.said.append(
            f"canary {word[decision.verdict]}: {decision.reason}; difference {decision.difference}"
        )

    def _serving(self) -> set[str]:
        state = self.workspace.release_state()
        return {str(one.version) for one in (state.champion, state.challenger) if one is not None}

    def _called(self, ids: list[str]) -> NDArray[np.bool_]:
        decided = {one["id"]: one["decision"] for one in self.workspace.ports.captures.read()}
        return np.array([decided[one] == "call" for one in ids])

    def _scorer(self) -> Scorer:
        first = self.workspace.versions().versions[1]
        bundle = fetch_bundle(self.workspace.ports.blobs, first.bundle)
        inputs = read_signature(bundle).inputs
        return Scorer.from_bundle(bundle, load_model(bundle.model_bytes, inputs))

    def _calls(self, scorer: Scorer, month: Month) -> NDArray[np.bool_]:
        columns = to_columns(month.clients, scorer.signature.inputs)
        names = scorer.valuation.names(scorer.score(columns).decision)
        return np.array([name == "call" for name in names])


def _earned(called: NDArray[np.bool_], month: Month) -> float:
    """Return what calling these clients really brought."""
    return float(DEPOSIT_MARGIN * (called & month.would_open).sum() - CALL_COST * called.sum())
