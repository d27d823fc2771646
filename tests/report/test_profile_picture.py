"""The picture of a profile: what moved, and panels for what else is known."""

from __future__ import annotations

import struct

import pytest

from assay.monitor.drift import Drift
from assay.monitor.feature_drift import Aspect, FeatureDrift
from assay.monitor.file_report import FileReport, FileWindow
from assay.report.profile_picture import profile_picture
from assay.stats.estimate import Estimate


def window(name: str, *, moved: bool, judged: bool = True, known: bool = False) -> FileWindow:
    aspect = Aspect("values", 0.0, 0.7, "mean 2, 1 before (+0.70 sd)")
    feature = FeatureDrift("@score", "number", 9, 0.7, {}, (aspect,), (aspect,) if moved else ())
    estimate = Estimate(0.8, 0.7, 0.9, n=9, method="counted")
    earned = Estimate(3.0, float("-inf"), 4.0, n=9, method="counted", unit="EUR per decision")
    return FileWindow(
        name,
        9,
        Drift({"@score": feature}, judged=judged),
        {},
        before={"roc_auc": estimate} if known else {},
        value={"expected": earned} if known else {},
    )


def height(windows: list[FileWindow]) -> int:
    picture = profile_picture(FileReport(windows, 20, 900, {}))
    assert picture[1:4] == b"PNG"
    tall: int = struct.unpack(">I", picture[20:24])[0]
    return tall


@pytest.mark.parametrize("judged", [True, False])
def test_there_is_a_picture_of_nothing(judged: bool) -> None:
    assert height([window("a", moved=False, judged=judged)]) > 100


def test_each_thing_known_has_a_panel_of_its_own() -> None:
    plain = height([window("a", moved=True), window("b", moved=False, judged=False)])
    more = height([window("a", moved=True, known=True), window("b", moved=False)])
    assert more > plain + 2 * 144
