"""Where coverage looks: not while tests are collected, and in each test for its first moment.

Tracing makes Python two to three times slower, and what is counted is whether a line is reached
at all. A property with hundreds of examples, or a simulation of hundreds of runs, has been where
it goes after a moment; its other runs are there for what it asserts.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import coverage
import pytest

__all__ = ["pytest_make_collect_report", "pytest_runtest_call"]

TRACED = 0.5
"""Seconds of processor time for which the body of a test is traced."""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Rewrite and import tests untraced: with doctests, all modules of ours came in before."""
    cov = coverage.Coverage.current()
    if cov is None or not collector.config.getoption("doctestmodules"):
        return (yield)
    with _paused(cov):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Stop tracing when a test has used up its time, and begin anew after it."""
    cov = coverage.Coverage.current()
    if cov is None or threading.current_thread() is not threading.main_thread():
        return (yield)
    with _traced_for(cov, TRACED):
        return (yield)


@contextmanager
def _paused(cov: coverage.Coverage) -> Iterator[None]:
    cov.stop()
    try:
        yield
    finally:
        cov.start()


@contextmanager
def _traced_for(cov: coverage.Coverage, seconds: float) -> Iterator[None]:
    stopped = False

    def stop(*_: Any) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            cov.stop()

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        if stopped:
            cov.start()
