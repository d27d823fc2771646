"""The bench of batch scoring, in its short form."""

from __future__ import annotations

import pytest
from bench.batch_scoring import measure


def test_the_bench_scores_each_row_in_each_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_ROUNDS", "1")
    found = measure(3_000)
    assert set(found) == {"onnxruntime, bare", "assay score --no-capture", "assay score"}
    assert all(speed > 0 for speed in found.values())
    assert "rows/s" in capsys.readouterr().out
