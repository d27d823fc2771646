"""The simulated campaign: reproducible, ordered, and it really turns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import assay.lifecycle.campaign as campaign_module
from assay.charter.load import load_charter
from assay.guardrails.registry import known_metrics
from assay.lifecycle.campaign import CALL_COST, DEPOSIT_MARGIN, Campaign, with_outcomes


def test_the_same_seed_gives_the_same_year_and_another_seed_another() -> None:
    one, same, other = (Campaign(seed).history(240) for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


def test_months_do_not_depend_on_each_other() -> None:
    months = list(Campaign(3).months(3, 50))
    assert months[2].clients.equals(Campaign(3).month(3, 50).clients)
    assert [one.number for one in months] == [1, 2, 3]


def test_history_is_last_year_with_outcomes_and_different_clients() -> None:
    history = Campaign(4).history(1200)
    assert history.height == 1200
    assert history["client"].n_unique() == 1200
    assert set(history["deposit"].unique()) == {"yes", "no"}
    assert history["client"].is_sorted()
    assert history.null_count().sum_horizontal()[0] == 0


def test_the_clients_change_when_it_turns() -> None:
    year = Campaign(5)

    def rate(number: int, phone: str) -> float:
        month = year.month(number, 20_000)
        return float(month.would_open[(month.clients["phone"] == phone).to_numpy()].mean())

    before, after = year.turns - 1, year.turns
    assert rate(before, "mobile") > 2 * rate(before, "landline")
    assert rate(after, "landline") > 2 * rate(after, "mobile")


def test_outcomes_are_written_as_people_write_them() -> None:
    month = Campaign(6).month(1, 40)
    frame = with_outcomes(month.clients, month.would_open)
    assert ((frame["deposit"] == "yes").to_numpy() == month.would_open).all()
    assert np.isfinite(frame["savings"].to_numpy()).all()


def test_the_shipped_charter_is_sound_and_says_the_same_amounts() -> None:
    path = Path(campaign_module.__file__).with_name("campaign_charter.yaml")
    charter = load_charter(path, known_metrics())
    assert charter.value.actions is not None
    call = charter.value.actions["call"]
    assert isinstance(call, dict)
    assert call["yes"] == pytest.approx(DEPOSIT_MARGIN - CALL_COST)
    assert call["no"] == pytest.approx(-CALL_COST)
    assert "simulated" in charter.title
