"""What a column full of values never seen before is called: strange, and no constant."""

from __future__ import annotations

import numpy as np
import pytest

from assay.monitor.quality import quality
from assay.stats.profile import profile
from assay.stats.reference import make_reference, read_reference


@pytest.mark.parametrize(
    ("values", "unseen", "constant"),
    [(["mars"], 1.0, False), (["mars", "pluto"], 1.0, False), (["a"], 0.0, True)],
)
def test_strangers_are_no_constant(values: list[str], unseen: float, constant: bool) -> None:
    known = np.array(["a", "b", "c"] * 400, dtype=object)
    reference = read_reference(make_reference({"region": known}))
    now = np.array(values * 60, dtype=object)
    found = quality(reference, profile({"region": now}, reference.grid))["region"]
    assert (found.unseen, found.constant) == (unseen, constant)
