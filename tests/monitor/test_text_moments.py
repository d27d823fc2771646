"""Text as moments: ISO 8601 in any offset, and a mend for anything else."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import DataError
from assay.monitor.text_moments import text_moments
from assay.stats.coded import coded

MOMENTS = ["2026-01-31", "2026-01-31T13:00:00Z", "2026-01-31 15:00:00.25+02:00", "", None]
UTC = ["2026-01-31T00:00", "2026-01-31T13:00", "2026-01-31T13:00:00.25", "NaT", "NaT"]


def test_moments_are_those_of_utc() -> None:
    found = text_moments("ts", coded(np.array(MOMENTS * 2, dtype=object)))
    np.testing.assert_array_equal(found, np.array(UTC * 2, dtype="M8[us]"))


@pytest.mark.parametrize("word", ["31/01/2026", "yesterday", "2026-13-01"])
def test_other_text_is_refused_with_the_mend(word: str) -> None:
    with pytest.raises(DataError, match=f"`ts` holds text, and '{word}' is no moment of ISO 8601"):
        text_moments("ts", coded(np.array(["2026-01-31", word], dtype=object)))
