"""The models of a gateway: loaded, swapped, kept warm, and unloaded where memory is short."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import msgspec
import structlog

from assay.deploy.desired import Arm, Desired
from assay.deploy.fleet_state import FleetState
from assay.deploy.serving import LoadedArm, LoadEngine, Serving, load_serving
from assay.errors import AssayError
from assay.gateway.counts import GatewayCounts
from assay.gateway.memory import Budget
from assay.gateway.models import ModelEntry
from assay.ports.blobs import Blobs

__all__ = ["MakeEntry", "Pool"]

_LOG: Any = structlog.get_logger("assay.gateway")
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_GLANCE = 0.05
"""Seconds between looks for news while something is loaded."""

MakeEntry = Callable[[Desired], ModelEntry]
Then = Callable[[BaseException | None], None]


class Pool:
    """Holds every model of a gateway, and changes what it serves in one step.

    Loads run one at a time on a thread of their own; requests never wait for those of another
    model's. Whatever is wrong with a new state, the last good one serves on, and the new one is
    tried again, after ever longer waits. `on_loop` runs a function where requests are taken in.
    """

    def __init__(
        self,
        make_entry: MakeEntry,
        blobs_of: Callable[[str], Blobs],
        load_engine: LoadEngine,
        budget: Budget,
        counts: GatewayCounts,
    ) -> None:
        self.entries: Mapping[str, ModelEntry] = {}
        self.followed = False
        self.on_loop: Callable[[Callable[[], None]], object] = lambda then: then()
        self.budget = budget
        self.counts = counts
        self._make_entry = make_entry
        self._blobs_of = blobs_of
        self._load_engine = load_engine
        self._loader = ThreadPoolExecutor(1, "load")
        self._kept: dict[str, dict[str, LoadedArm]] = {}
        self._sizes: dict[str, int] = {}
        self._changing = threading.Lock()
        self._waiting: dict[str, list[Then]] = {}
        self._retry: dict[str, tuple[float, float, BaseException, Desired]] = {}

    def follow(self, state: FleetState, newer: Callable[[], bool] = lambda: False) -> bool:
        """Serve a whole state, as far as it can be; whether all of it could.

        What needs no loading is served first. `newer` is asked between loads, and time and again
        during each, whether the state is outdated; then the rest of it is left. Models that the
        state has no more are let go once everything else was loaded. To be called from one thread,
        which is not that of the requests.
        """
        self.swap(state)
        whole = True
        for name, desired in state.models.items():
            entry = self.entries.get(name)
            if entry is None or not self._stands(entry, desired):
                whole = self._take(name, desired, newer) and whole
                if newer():
                    return False
        if whole:
            kept = {name: one for name, one in self.entries.items() if name in state.models}
            for name in set(self.entries) - set(kept):
                _LOG.info("a model is served no more", model=name)
                self._kept.pop(name, None)
            self.entries = kept
        self.followed = True
        return whole

    def swap(self, state: FleetState) -> None:
        """Serve at once what is loaded already: a way back waits for no other model's load.

        To be called from the thread that follows.
        """
        for name, desired in state.models.items():
            entry = self.entries.get(name)
            if entry is None or not self._is_news(entry, desired):
                continue
            try:
                if entry.on_demand and desired.rules.warm == "on_demand":
                    with self._changing:
                        if entry.serving is None:
                            entry.follow(desired, None)
                if (at_hand := self._at_hand(name, desired)) is not None:
                    self._load(entry, at_hand)
            except Exception as error:  # noqa: BLE001 - the promise is to serve on, as in `_take`
                self._complain(name, error, desired)

    def load(self, entry: ModelEntry, then: Then) -> None:
        """Load a model that is asked for, then call `then` on the loop, with the fault if any.

        To be called on the loop. Whoever asks meanwhile waits for the same load.
        """
        waits = self._retry.get(entry.name)
        if waits is not None and time.perf_counter() < waits[0]:
            then(waits[2])
            return
        waiting = self._waiting.setdefault(entry.name, [])
        waiting.append(then)
        if len(waiting) == 1:
            self._loader.submit(self._load_for_requests, entry)

    def ready(self) -> bool:
        """Whether a first state was taken up and some model of it can be asked."""
        return self.followed and any(entry.desired.arms for entry in self.entries.values())

    def loaded(self) -> list[ModelEntry]:
        """Return the models that take memory, longest unused first."""
        entries = [entry for entry in self.entries.values() if entry.serving is not None]
        return sorted(entries, key=lambda entry: entry.used)

    def stop(self) -> None:
        """Finish the load at hand; a second call does nothing."""
        self._loader.shutdown(wait=True, cancel_futures=True)

    def _stands(self, entry: ModelEntry, desired: Desired) -> bool:
        """Whether a model needs nothing: it follows this state already, or a newer one."""
        if desired == entry.desired:
            return entry.serving is not None or entry.on_demand
        if desired.revision < entry.desired.revision:
            _LOG.warning("older state ignored", model=entry.name, revision=desired.revision)
            return True
        return False

    def _is_news(self, entry: ModelEntry, desired: Desired) -> bool:
        """Whether a state is newer than what a model follows, and was not tried in vain."""
        failed = self._retry.get(entry.name)
        if failed is not None and failed[3] == desired:
            return False
        return desired != entry.desired and desired.revision >= entry.desired.revision

    def _at_hand(self, name: str, desired: Desired) -> Desired | None:
        """Return a state without what is still to be warmed; None where an arm is to be loaded."""
        kept = self._kept.get(name, {})
        shadow = () if desired.shadow is None else (desired.shadow,)
        if not kept or any(arm.bundle not in kept for arm in (*desired.arms, *shadow)):
            return None
        warm = tuple(digest for digest in desired.warm if digest in kept)
        return msgspec.structs.replace(desired, warm=warm)

    def _take(self, name: str, desired: Desired, newer: Callable[[], bool]) -> bool:
        """Load one model's state and serve it; False where that failed or is not tried yet."""
        waits = self._retry.get(name)
        if waits is not None and time.perf_counter() < waits[0] and desired == waits[3]:
            return False
        entry = self.entries.get(name)
        try:
            entry = entry or self._make_entry(desired)
            on_demand = desired.rules.warm == "on_demand" and entry.serving is None
            if not on_demand:
                _awaited(self._loader.submit(self._load, entry, desired), newer)
            else:
                entry.follow(desired, None)
        except Exception as error:  # noqa: BLE001 - the promise is to serve on, whatever the fault
            self._complain(name, error, desired)
            return False
        self._retry.pop(name, None)
        self.entries = {**self.entries, name: entry}
        self.on_loop(self._make_room)
        return True

    def _load_for_requests(self, entry: ModelEntry) -> None:
        """Load a model's own desired state, and wake whoever waits for it."""
        fault: BaseException | None = None
        try:
            while entry.serving is None:
                self._load(entry, entry.desired)
            self._retry.pop(entry.name, None)
        except Exception as error:  # noqa: BLE001 - told to those who asked
            fault = error
            self._complain(entry.name, error, entry.desired)
        self.on_loop(lambda: self._wake(entry, fault))

    def _wake(self, entry: ModelEntry, fault: BaseException | None) -> None:
        for then in self._waiting.pop(entry.name, []):
            try:
                then(fault)
            except Exception as error:  # noqa: BLE001 - whoever waits beside it is told as well
                _LOG.error("a request that waited for a load broke", error=repr(error))
        self._make_room()

    def _load(self, entry: ModelEntry, desired: Desired) -> None:
        """Load what a state needs beside what is loaded already, and serve it.

        Where the model follows a newer state by then, that one stays.
        """
        blobs = self._blobs_of(desired.model)
        kept = dict(self._kept.get(entry.name, {}))
        fresh = self._served(desired, blobs, kept)
        kept |= {loaded.arm.bundle: loaded for loaded in fresh.loaded}
        for digest in desired.warm:
            if digest not in kept:
                self._warm(entry, desired, digest, blobs, kept)
        with self._changing:
            if desired.revision < entry.desired.revision:
                return
            held = {one: kept[one] for one in desired.bundles if one in kept}
            self._kept[entry.name] = held
            entry.size = sum(self._sizes.get(one, 0) for one in held)
            entry.counts.loads += 1
            entry.used = time.perf_counter()
            entry.follow(desired, fresh)
        self.budget.learn([one.size for one in {*self.loaded(), entry}])
        _LOG.info(
            "serving", model=desired.model, revision=desired.revision, versions=fresh.versions
        )
        for loaded in fresh.loaded:
            if loaded.scorer.caveat:
                caveat, version = loaded.scorer.caveat, loaded.arm.version
                _LOG.warning("an older policy", model=entry.name, version=version, caveat=caveat)

    def _served(self, desired: Desired, blobs: Blobs, kept: Mapping[str, LoadedArm]) -> Serving:
        """Load a state; each bundle that is not kept is weighed by the bytes of its files."""
        before = Serving(desired, tuple(kept.values())) if kept else None
        weighed = _Weighed(blobs)
        fresh = load_serving(desired, weighed, self._load_engine, before)
        new = {loaded.arm.bundle for loaded in fresh.loaded} - set(kept)
        self._sizes |= {digest: weighed.size // len(new) for digest in new}
        return fresh

    def _warm(
        self,
        entry: ModelEntry,
        desired: Desired,
        digest: str,
        blobs: Blobs,
        kept: dict[str, LoadedArm],
    ) -> None:
        """Load a bundle that is to stand by; a fault in it keeps nothing else from serving."""
        try:
            kept[digest] = self._served(_alone(desired, digest), blobs, {}).arms[0]
        except AssayError as error:
            entry.counts.load_failures += 1
            _LOG.error("a bundle that is to stand by was not loaded", bundle=digest, why=str(error))

    def _make_room(self) -> None:
        """Unload models on demand, longest unused first, until the rest fits; on the loop.

        A model with requests waiting stays: they hold what they were taken in under.
        """
        loaded = self.loaded()
        total = sum(self.budget.estimate(entry.size) for entry in loaded)
        for entry in loaded[:-1]:
            if not self.budget.over(total):
                return
            if entry.on_demand and not entry.admission.waiting:
                total -= self.budget.estimate(entry.size)
                entry.serving = None
                entry.counts.unloads += 1
                self._kept.pop(entry.name, None)

    def _complain(self, name: str, error: Exception, about: Desired) -> None:
        """Count each failure, log each new one, and say when to try again."""
        last = self._retry.get(name)
        again = last is not None and last[3] == about
        wait = min(last[1] * 2, _LONGEST_WAIT) if last is not None and again else _FIRST_WAIT
        if not again:
            text = f"{type(error).__name__}: {error}"
            _LOG.error("cannot be served; serving on as before", model=name, error=text)
        self._retry[name] = (time.perf_counter() + wait, wait, error, about)
        entry = self.entries.get(name)
        counts = self.counts if entry is None else entry.counts
        counts.load_failures += 1


class _Weighed:
    """Blobs that count the bytes which they hand out."""

    def __init__(self, blobs: Blobs) -> None:
        self.size = 0
        self._blobs = blobs

    def put(self, content: bytes) -> str:
        return self._blobs.put(content)

    def get(self, digest: str) -> bytes:
        content = self._blobs.get(digest)
        self.size += len(content)
        return content

    def has(self, digest: str) -> bool:
        return self._blobs.has(digest)

    def empty(self) -> bool:
        return self._blobs.empty()


def _awaited(load: Future[None], newer: Callable[[], bool]) -> None:
    """Wait for a load, and look for news meanwhile; raises what it raised."""
    while not wait([load], _GLANCE).done:
        newer()
    load.result()


def _alone(desired: Desired, digest: str) -> Desired:
    """Return a state that serves nothing but one bundle."""
    arm = Arm("champion", 0, digest, 1.0)
    return msgspec.structs.replace(desired, arms=(arm,), shadow=None, warm=(), control_share=0.0)
