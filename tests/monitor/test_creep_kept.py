"""What was written down of creep by another version of Assay is worked out again."""

from __future__ import annotations

from functools import partial

import msgspec
import numpy as np
import pytest

from assay.monitor.sequences import Followed, Step, follow_steps
from assay.monitor.watched import Watched
from assay.stats.profile import Profile, profile

from .test_keeping import CHARTERS, world


def _steps(count: int) -> list[Step]:
    watched, *_ = world()
    rng = np.random.default_rng(2)

    def one() -> Profile:
        columns = {"x": rng.normal(1.5, 1, 400), "c": rng.choice(np.array(["a", "b"], object), 400)}
        return profile(columns, watched.reference.grid)

    return [Step(at, f"r{at}", f"l{at}", partial(list, [one()])) for at in range(count)]


def _follow(steps: list[Step], kept: bytes | None) -> tuple[dict[int, Followed], bytes]:
    def watched() -> Watched:
        return world()[0]

    return follow_steps(CHARTERS[0], watched, steps, kept)


@pytest.mark.parametrize("known", [3, 5])
def test_a_state_of_another_format_is_folded_again(known: int) -> None:
    steps = _steps(5)
    at_once, content = _follow(steps, None)
    assert at_once[4].crept.evidence > 0
    kept = msgspec.msgpack.decode(_follow(steps[:known], None)[1])
    kept["state"] = {"format": 0, "last": 2}
    kept["lines"][0]["crept"]["evidence"] = 1e9
    found, after = _follow(steps, msgspec.msgpack.encode(kept))
    assert found == at_once
    assert after == content
