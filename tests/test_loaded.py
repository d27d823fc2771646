"""`assay.load`: the same answers as a gateway, from a workspace, a file or a digest."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
from tests.edge_models import edge_case, rows

import assay
from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.deploy.bundle_file import Packed, pack, unpack
from assay.deploy.desired import Arm, Desired
from assay.deploy.edge_export import edge_files
from assay.errors import DataError, InputError, ModelError, StoreError
from assay.evidence.uncompiled import Uncompiled, with_description
from assay.loaded import Loaded

_CASE = "threshold learned, refer"


def _workspace(folder: Path, packed: Packed, arm: str = "champion") -> Path:
    state = folder / ".assay"
    state.mkdir()
    blobs = FsspecBlobs(fsspec.filesystem("file"), str((state / "blobs").resolve()))
    for content in packed.bundle.files.values():
        blobs.put(content)
    digest = blobs.put(packed.bundle.manifest())
    named = "nobody" if arm == "baseline" else ""
    arms = (Arm(arm, packed.version, digest, 1.0, named),)  # type: ignore[arg-type]
    desired = Desired(4, "bank", arms, serving=packed.rules, entity="client")
    FileDesired(state / "desired.json").publish(desired.encode(), 4)
    return folder


def test_a_workspace_a_file_and_a_digest_give_the_same_answers(tmp_path: Path) -> None:
    packed = edge_case(_CASE)
    _workspace(tmp_path, packed)
    (tmp_path / "bank.assay").write_bytes(pack(packed))
    digest = packed.bundle.digest
    cases = rows(500, 3, odd=True)
    ways = [
        assay.load(tmp_path),
        assay.load(tmp_path / "bank.assay"),
        assay.load(digest, workspace=tmp_path),
    ]
    assert [(one.model, one.version, one.digest) for one in ways] == [("bank", 7, digest)] * 3
    answers = [one.answer(cases) for one in ways]
    assert answers[0] == answers[1] == answers[2]
    assert [one["decision"] for one in answers[0]] == ways[0].decide(cases)
    assert {one["decision"] for one in answers[0]} == {"call", "skip", "refer"}
    assert any(one["flags"] for one in answers[0])
    assert repr(ways[0]) == f"<bank version 7, bundle {digest[:12]}>"


def test_predictions_and_probabilities_are_the_scorers(tmp_path: Path) -> None:
    for case, labels in ((_CASE, 2), ("three outcomes", 3)):
        loaded = Loaded(edge_case(case))
        cases = rows(200, 4)
        scored = loaded.scorer.score(cases)
        np.testing.assert_array_equal(loaded.predict_proba(cases), scored.forecast)
        assert loaded.predict_proba(cases).shape == (200, labels)
        likeliest = [loaded.labels[code] for code in scored.forecast.argmax(axis=1)]
        assert loaded.predict(cases) == likeliest
        assert loaded.decide(cases) == loaded.scorer.valuation.names(scored.decision)
    amounts = Loaded(edge_case("amounts, unit costs"))
    assert amounts.predict(rows(5, 1)) == amounts.scorer.score(rows(5, 1)).score.tolist()
    with pytest.raises(DataError, match="no probability"):
        amounts.predict_proba(rows(5, 1))


def test_reasons_add_up_to_the_probability_less_the_typical_rows(tmp_path: Path) -> None:
    loaded = Loaded(edge_case(_CASE))
    cases = rows(20, 5)
    found = loaded.explain(cases, most=3)
    p = loaded.predict_proba(cases)[:, 1]
    known = loaded.explain(cases)[0][0]
    assert "np." not in repr(found)
    assert "typical" in known.words
    typical = {reason.column: reason.typical for row in found for reason in row}
    base = loaded.predict_proba([typical])[0, 1]
    sums = [sum(reason.contribution for reason in row) for row in found]
    np.testing.assert_allclose(sums, p - base, atol=1e-9)
    assert [len(row) for row in loaded.explain(cases, most=1)] == [1] * 20


def test_the_door_refuses_rows_here_as_well() -> None:
    packed = edge_case(_CASE, door={"out_of_range": "reject"})
    with pytest.raises(DataError, match="Row 1 is refused: amount is 1e"):
        Loaded(packed).decide(
            [{"x": 0, "amount": 5, "job": "nurse"}, {"x": 0, "amount": 1e9, "job": "nurse"}]
        )
    with pytest.raises(DataError, match="no rows"):
        Loaded(packed).decide([])


def test_a_bundle_without_a_reference_answers_and_does_not_explain() -> None:
    packed = edge_case(_CASE)
    files = {name: raw for name, raw in packed.bundle.files.items() if name != "reference.json"}
    loaded = Loaded(Packed(replace(packed.bundle, files=files)))
    assert loaded.version is None
    assert len(loaded.decide(rows(3, 1))) == 3
    with pytest.raises(InputError, match="no reference"):
        loaded.explain(rows(3, 1))


def test_where_nothing_serves_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a workspace"):
        assay.load(tmp_path)
    with pytest.raises(StoreError):
        assay.load("0" * 64, workspace=tmp_path)
    _workspace(tmp_path, edge_case(_CASE), "baseline")
    with pytest.raises(InputError, match="No version is the champion"):
        assay.load(tmp_path)


_Change = Callable[[bytes], bytes]
_CHANGES: dict[str, _Change] = {
    "cut": lambda raw: raw[: len(raw) // 2],
    "junk": lambda _: b"junk",
    "empty": lambda _: b"",
    "a byte of the model": lambda raw: raw.replace(b"LabelEncoder", b"LabelEncodes"),
    "a byte of the rules": lambda raw: raw.replace(b'"version":7', b'"version":8'),
}


@pytest.mark.parametrize("name", list(_CHANGES))
def test_a_file_that_was_changed_is_refused(name: str, tmp_path: Path) -> None:
    changed = _CHANGES[name](pack(edge_case(_CASE)))
    (tmp_path / "bank.assay").write_bytes(changed)
    with pytest.raises(ModelError):
        assay.load(tmp_path / "bank.assay")


def _zipped(entries: list[tuple[str, bytes]], how: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a name that comes twice
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def test_a_hostile_file_is_refused_before_anything_is_read() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(edge_case(_CASE)))) as archive:
        whole = [(name, archive.read(name)) for name in archive.namelist()]
    assert unpack(_zipped(whole)) == edge_case(_CASE)
    hostile = {
        "a bomb": _zipped([*whole, ("files/zeros", bytes(10**7))], zipfile.ZIP_DEFLATED),
        "a name twice": _zipped([*whole, whole[-1]]),
        "a file too many": _zipped([*whole, ("files/../../x", b"")]),
        "one too few": _zipped(whole[:-1]),
        "no manifest": _zipped(whole[1:]),
        "a manifest that is none": _zipped([("MANIFEST.json", b"[]"), *whole[1:]]),
        "rules that are none": _zipped([whole[0], ("served.json", b"{}"), *whole[2:]]),
    }
    for name, raw in hostile.items():
        with pytest.raises(ModelError):
            pytest.fail(f"{name} was read: {unpack(raw)}")


def test_a_file_of_another_bundle_is_refused_where_the_digest_is_known() -> None:
    packed = edge_case(_CASE)
    assert unpack(pack(packed), packed.bundle.digest) == packed
    with pytest.raises(ModelError, match="was asked for"):
        unpack(pack(packed), "0" * 64)


_EVIL = """
open({ran!r}, "w").close()
def _load_pyfunc(path):
    class Model:
        def predict(self, frame, params=None):
            return [0.5] * len(frame)
    return Model()
"""


def test_a_file_cannot_allow_its_own_code(tmp_path: Path) -> None:
    out, ran = io.BytesIO(), tmp_path / "ran"
    with zipfile.ZipFile(out, "w") as zipped:
        flavor = "{loader_module: evil, code: code, data: d}"
        zipped.writestr("MLmodel", f"flavors:\n  python_function: {flavor}\n")
        zipped.writestr("code/evil.py", _EVIL.format(ran=str(ran)))
        zipped.writestr("d/x", "x")
    packed = edge_case(_CASE)
    known = json.loads(packed.bundle.files["signature.json"])
    columns = tuple(column["name"] for column in known["inputs"])
    told = Uncompiled("pyfunc", "classification", columns, permitted="Ana Costa")
    files = {name: raw for name, raw in packed.bundle.files.items() if name != "model.onnx"}
    files["model.pyfunc.zip"] = with_description(out.getvalue(), told)
    file = tmp_path / "friendly.bundle"
    file.write_bytes(pack(replace(packed, bundle=replace(packed.bundle, files=files), code=True)))
    with pytest.raises(ModelError, match="nobody allowed that here"):
        assay.load(file)
    with pytest.raises(InputError, match="`allow_code` is empty"):
        assay.load(file, allow_code=" ")
    assert not ran.exists()
    assay.load(file, allow_code="Ana Costa")
    assert ran.exists()


def test_an_edge_export_is_told_from_a_workspace(tmp_path: Path) -> None:
    for name, content in edge_files(edge_case(_CASE)).items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"is an edge export.* runner"):
        assay.load(tmp_path)
