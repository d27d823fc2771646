"""What captures may say of a person, on the way to the disk and on the disk itself."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.installation_key import installation_key
from assay.adapters.log_captures import LogCaptures
from assay.charter.serving import Capturing
from assay.deploy.protected_columns import Protection
from assay.ports.capture_batch import CaptureBatch

KEY = bytes(range(32))


def _batch(name: str = "secret-name") -> CaptureBatch:
    return CaptureBatch(
        2,
        {"model": "bank"},
        {"id": ["a/0", "a/1"], "entity": [f"{name}-client", None]},
        {"name": [name, ""], "sex": [f"{name}-sex", None], "age": [40.0, None], "job": ["a", "b"]},
    )


def test_nothing_is_done_where_nothing_is_protected() -> None:
    batch = _batch()
    assert Protection.of(Capturing(), KEY, "client").applied(batch) is batch


def test_columns_that_are_not_kept_are_left_out_and_all_else_stays() -> None:
    safe = Protection.of(Capturing(columns=("job",)), KEY, "client").applied(_batch())
    assert dict(safe.inputs) == {"job": ["a", "b"]}
    assert safe.each == _batch().each


def test_what_is_missing_stays_missing_under_a_hash() -> None:
    rules = Capturing(protected={"name": "hash", "age": "hash", "client": "hash"})
    safe = Protection.of(rules, KEY, "client").applied(_batch())
    assert [safe.inputs["name"][1], safe.inputs["age"][1], safe.each["entity"][1]] == [None] * 3
    assert all(len(one) == 16 for one in (safe.inputs["age"][0], safe.each["entity"][0]))


def test_an_entity_that_is_dropped_is_nobody() -> None:
    safe = Protection.of(Capturing(protected={"client": "drop"}), KEY, "client").applied(_batch())
    assert safe.each["entity"] == [None, None]


def test_an_entity_that_all_rows_share_is_protected_as_well() -> None:
    rules = Capturing(protected={"client": "hash"})
    shared = CaptureBatch(1, {"entity": "7"}, {"id": ["a/0"]})
    safe = Protection.of(rules, KEY, "client").applied(shared)
    assert safe.shared["entity"] == Protection.of(rules, KEY, "client").hashed("client", "7")


@given(value=st.text(min_size=1) | st.integers() | st.floats(allow_nan=False))
def test_a_hash_is_one_value_s_of_one_column_under_one_key(value: object) -> None:
    rules = Capturing(protected={"a": "hash", "b": "hash"})
    one, again = Protection.of(rules, KEY), Protection.of(rules, KEY)
    other = Protection.of(rules, bytes(32))
    assert one.hashed("a", value) == again.hashed("a", value)
    assert len({one.hashed("a", value), one.hashed("b", value), other.hashed("a", value)}) == 3


def test_a_whole_number_is_hashed_alike_however_it_is_written() -> None:
    protection = Protection.of(Capturing(), KEY)
    assert len({protection.hashed("client", one) for one in (7, 7.0, "7")}) == 1
    assert protection.hashed("client", float("nan")) is None


def test_known_categories_are_found_again_by_their_hashes() -> None:
    protection = Protection.of(Capturing(protected={"sex": "hash"}), KEY)
    known = protection.originals("sex", ["secret-name-sex", "other", ""])
    safe = protection.applied(_batch())
    assert [known.get(one) for one in safe.inputs["sex"]] == ["secret-name-sex", None]


def test_no_protected_value_is_in_any_byte_of_the_log(tmp_path: Path) -> None:
    rules = Capturing(protected={"name": "drop", "sex": "hash", "client": "hash"})
    log = LogCaptures(tmp_path)
    log.govern(Protection.of(rules, KEY, "client").applied, 2**20, 3600)
    log.add([_batch()]).result(timeout=10)
    log.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"secret-name" not in written
    assert b'"job":["a","b"]' in written


def test_one_key_is_made_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "capture.key"
    assert installation_key(path) == installation_key(path) == path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["capture.key"]
