"""One suite over every adapter of the map-and-sum port."""

from __future__ import annotations

import threading

import pytest

from assay.adapters.thread_map_sum import ThreadMapSum
from assay.ports.map_sum import MapSum


@pytest.fixture(params=[1, 2, 5])
def engine(request: pytest.FixtureRequest) -> MapSum:
    return ThreadMapSum(request.param)


def test_results_are_added_in_the_order_of_the_parts(engine: MapSum) -> None:
    assert engine.map_sum(lambda part: [part], list(range(50))) == list(range(50))


def test_one_part_is_its_own_sum(engine: MapSum) -> None:
    assert engine.map_sum(str, [7]) == "7"


def test_the_first_error_is_raised(engine: MapSum) -> None:
    def work(part: int) -> int:
        if part >= 3:
            raise KeyError(part)
        return part

    with pytest.raises(KeyError, match="3"):
        engine.map_sum(work, list(range(40)))


def test_nothing_to_add_is_an_error(engine: MapSum) -> None:
    with pytest.raises(ValueError, match="no parts"):
        engine.map_sum(str, [])


def test_threads_work_side_by_side() -> None:
    both = threading.Barrier(2, timeout=30)

    def work(part: int) -> int:
        both.wait()
        return part

    assert ThreadMapSum(2).map_sum(work, [1, 2]) == 3
