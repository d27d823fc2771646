"""The core records that everything else is named by: digests, events, evidence, bundles."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evidence.bundle import BUNDLE_FORMAT, Bundle
from assay.evidence.digest import canonical_bytes, digest_bytes, digest_of
from assay.evidence.event import GENESIS, chained
from assay.evidence.evidence import Check, Evidence

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=8,
)


@given(document=st.dictionaries(st.text("abcd"), JSON))
def test_canonical_bytes_depend_on_content_only(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items()))
    assert canonical_bytes(document) == canonical_bytes(turned)
    assert json.loads(canonical_bytes(document)) == document
    assert digest_of(document) == digest_bytes(canonical_bytes(turned))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_has_not_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_bytes({"measured": number})


@given(
    one=st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=3), st.binary(max_size=3)),
    two=st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=3), st.binary(max_size=3)),
)
def test_no_two_entries_read_alike(
    one: tuple[str, str, bytes], two: tuple[str, str, bytes]
) -> None:
    first, second = (chained(1, s, 1, t, c, GENESIS).digest for s, t, c in (one, two))
    assert (first == second) == (one == two)


def evidence() -> Evidence:
    check = Check("roc_auc", passed=True, measured=0.8, limit="at least 0.7", note="held out")
    return Evidence(
        kind="evaluation",
        subject="b" * 64,
        rests_on={"value": "1"},
        inputs={"data": "2"},
        checks=(check,),
        content={"curve": [[0.0, 1.0]]},
    )


def test_evidence_comes_back_from_its_bytes() -> None:
    one = evidence()
    again = Evidence.from_document(json.loads(one.bytes))
    assert (again, again.digest) == (one, one.digest)


def test_whatever_was_shown_changes_the_digest() -> None:
    one = evidence()
    others = [
        replace(one, kind="quality"),
        replace(one, subject="c"),
        replace(one, rests_on={}),
        replace(one, inputs={}),
        replace(one, content={}),
        replace(one, checks=()),
        replace(one, checks=(replace(one.checks[0], passed=False),)),
    ]
    assert one.digest not in {other.digest for other in others}
    assert len({other.digest for other in others}) == len(others)


def test_a_bundle_is_named_by_all_of_its_files_and_their_origin() -> None:
    one = Bundle("bank", {"b": b"2", "a": b"1"}, {"seed": 7})
    assert one.digest == Bundle("bank", {"a": b"1", "b": b"2"}, {"seed": 7}).digest
    manifest = json.loads(one.manifest())
    assert manifest["format"] == BUNDLE_FORMAT
    assert manifest["files"] == {"a": digest_bytes(b"1"), "b": digest_bytes(b"2")}
    others = [
        Bundle("bike", one.files, one.origin),
        Bundle("bank", {"a": b"1", "b": b"3"}, one.origin),
        Bundle("bank", {"a": b"1"}, one.origin),
        Bundle("bank", one.files, {"seed": 8}),
    ]
    assert one.digest not in {other.digest for other in others}
