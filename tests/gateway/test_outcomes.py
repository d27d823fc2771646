"""Outcomes told to a gateway are held to what the served versions answer, all or none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.deploy.desired import Arm
from assay.errors import DataError, StoreError
from assay.evidence.bundle import Bundle
from assay.gateway.outcomes import Answerable, read_outcomes

Body = Callable[..., dict[str, Any]]


TRUE: Any = True


def _tell(client: httpx.Client, *outcomes: Any) -> httpx.Response:
    told = [{"id": f"a/{place}", "outcome": one} for place, one in enumerate(outcomes)]
    return client.post("/v2/models/bank/outcomes", json={"outcomes": told})


def test_a_label_that_no_served_version_has_refuses_the_request_whole(
    client: httpx.Client, stage: Any
) -> None:
    answer = _tell(client, "yes", "ye", "no", 3, TRUE)
    assert answer.status_code == 400
    text = answer.json()["error"]
    assert text.startswith("3 of 5 outcomes are at fault, and none was taken in: ")
    assert "outcome 1, of 'a/1', is 'ye' (did you mean 'yes'?)" in text
    assert "outcome 3, of 'a/3', is 3; outcome 4, of 'a/4', is True" in text
    assert "one of 'no', 'yes'" in text
    assert stage.inbox.taken == []
    assert stage.entry.admission.waiting == 0
    figures = client.get("/metrics").text
    assert 'assay_outcome_refusals_total{model="bank"} 1.0' in figures
    assert 'assay_outcomes_total{model="bank"} 0.0' in figures
    assert _tell(client, "yes", "no").json() == {"accepted": 2}


def test_only_the_first_faults_of_many_are_told(client: httpx.Client, stage: Any) -> None:
    answer = _tell(client, *["maybe"] * 5000, "yes")
    assert "5000 of 5001 outcomes are at fault" in answer.json()["error"]
    assert "; and 4990 more." in answer.json()["error"]
    assert len(answer.content) < 2000
    assert stage.inbox.taken == []


def test_what_is_wrong_with_ids_is_told_with_the_rest(client: httpx.Client) -> None:
    told = [{"id": "", "outcome": "yes"}, {"id": "a", "outcome": "y"}]
    text = client.post("/outcomes", json={"outcomes": told}).json()["error"]
    assert "outcome 0 has the id ''" in text
    assert "outcome 1, of 'a', is 'y'" in text


def test_a_full_disk_is_no_refusal_of_what_was_told(client: httpx.Client, stage: Any) -> None:
    stage.inbox.fault = StoreError("No space left on device.")
    assert _tell(client, "yes").status_code == 503
    assert stage.entry.counts.outcome_refusals == 0


@pytest.mark.parametrize("wrong", ["12.5", "yes", True, None])
def test_an_amount_is_a_finite_number(stage: Any, regressor: Bundle, wrong: Any) -> None:
    stage.publish(regressor)
    with stage.client() as client:
        refused = _tell(client, 1, wrong)
        assert refused.status_code == 400
        assert "outcome 1, of 'a/1', is " in refused.json()["error"]
        assert "An outcome is a finite number" in refused.json()["error"]
        huge = client.post("/outcomes", content=b'{"outcomes": [{"id": "a", "outcome": 1e999}]}')
        assert huge.status_code == 400
        assert stage.inbox.taken == []
        assert _tell(client, 1, -2.5).status_code == 200
        assert [one[2] for one in stage.inbox.taken] == [1, -2.5]


def test_the_labels_of_every_arm_count(stage: Any, classifiers: tuple[Bundle, Bundle]) -> None:
    stage.publish(*classifiers, weight=0.5)
    assert Answerable.of(stage.serving).labels == ("no", "yes")
    with stage.client() as client:
        assert _tell(client, "no").status_code == 200


def test_a_model_that_was_never_asked_is_loaded_to_know_its_labels(
    stage: Any, classifiers: tuple[Bundle, Bundle]
) -> None:
    stage.publish(classifiers[0], serving={"warm": "on_demand"})
    assert stage.entry.serving is None
    with stage.client() as client:
        assert _tell(client, "ye").status_code == 400
        assert stage.entry.counts.loads == 1


def test_a_model_that_was_unloaded_is_not_loaded_again_for_outcomes(
    stage: Any, classifiers: tuple[Bundle, Bundle]
) -> None:
    stage.publish(classifiers[0], serving={"warm": "on_demand"})
    with stage.client() as client:
        assert _tell(client, "yes").status_code == 200
        stage.entry.serving = None
        assert _tell(client, "ye").status_code == 400
        assert _tell(client, "yes").status_code == 200
        assert stage.entry.serving is None


def test_what_cannot_be_known_is_taken_in_for_readers_to_sift(stage: Any) -> None:
    broken = Arm("champion", 1, "b" * 64, 1.0)
    stage.publish(arms=(broken,), serving={"warm": "on_demand"})
    with stage.client() as client:
        assert _tell(client, "ye", 3, TRUE).status_code == 200
        assert _tell(client, None).status_code == 400
        stage.publish(arms=())
        assert _tell(client, "anything").status_code == 200
        assert [one[2] for one in stage.inbox.taken] == ["ye", 3, True, "anything"]


def test_ten_thousand_labels_are_read_in_no_time() -> None:
    body = b'{"outcomes": [%s]}' % b",".join(
        b'{"id": "a/%d", "outcome": "%s"}' % (n, b"yes" if n % 3 else b"no") for n in range(10_000)
    )
    begun = time.process_time()
    assert len(read_outcomes(body, Answerable(("no", "yes")))) == 10_000
    assert time.process_time() - begun < 1


@given(st.lists(st.sampled_from(["no", "yes", "ye", "", 0, 1, 1.0, True, None]), min_size=1))
def test_a_request_is_taken_where_each_outcome_alone_is(outcomes: list[Any]) -> None:
    def taken(some: list[Any]) -> list[Any] | None:
        told = [{"id": "a", "outcome": one} for one in some]
        try:
            found = read_outcomes(
                msgspec.json.encode({"outcomes": told}), Answerable(("no", "yes", "1"))
            )
        except DataError:
            return None
        return [one for _, one in found]

    alone = [taken([one]) for one in outcomes]
    each = [one for some in alone if some is not None for one in some]
    assert taken(outcomes) == (each if None not in alone else None)
