"""`python -m bench.swaps [SWAPS]`: versions swapped and taken back, a server killed, under load.

One gateway serves from the workspace's folder, another follows the server; 64 connections ask both
without a pause while releases and ways back are commanded, and the server is killed and started
again in between. Afterwards: no request failed, every answered prediction is in the captures
(`sync`) exactly once, and how long a way back took until both gateways answered by it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.live import Load, World
from bench.waiting import until

from assay.adapters.lake_captures import LakeCaptures

__all__ = ["Course", "Swapped", "run"]

_CLIENTS = 64


@dataclass
class Swapped:
    """What came of it; `back` are the seconds of each way back, from the command on."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    back: list[float] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether nothing failed and nothing was lost or doubled."""
        return not (self.failed or self.lost or self.doubled) and self.answered > 0


class Course:
    """A workspace with two versions, its server, and two gateways."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, strategy="immediate", capture="sync")

    def run(self, swaps: int, clients: int, back_every: int = 5) -> Swapped:
        """Swap so often, with ways back, and a server that dies in between."""
        world = self.world
        with ExitStack() as stack:
            server = stack.enter_context(world.server())
            near = stack.enter_context(world.gateway())
            far = stack.enter_context(world.follower(server.url))
            load = Load([near.url, far.url], clients)
            stack.callback(load.stop)
            found = Swapped()
            workspace, serves = world.workspace(), 1
            _await(load, serves)
            for swap in range(1, swaps + 1):
                before, serves = serves, 3 - serves
                workspace.release(serves)
                if swap == (swaps + 2) // 3:
                    server.kill()
                    server = stack.enter_context(world.server(port=server.port))
                _await(load, serves)
                if swap % back_every == 0:
                    begun, serves = time.perf_counter(), before
                    workspace.release(action="roll_back")
                    _await(load, serves)
                    found.back.append(time.perf_counter() - begun)
            load.stop()
            far.stop()
            near.stop()
        counted = Counter(str(record["id"]) for record in LakeCaptures(world.captures).read())
        answered = {one.id for one in load.answers}
        found.answered, found.failed = len(load.answers), load.failed + load.broken
        found.lost = len(answered - counted.keys())
        found.doubled = sum(n > 1 for n in counted.values())
        return found


def _await(load: Load, version: int) -> None:
    """Wait until both gateways answer by a version."""
    until(lambda: len(load.versions) == 2 and set(load.versions.values()) == {str(version)})


def run(swaps: int, clients: int = _CLIENTS) -> Swapped:
    """Swap so often, print what came of it, and return it."""
    with tempfile.TemporaryDirectory() as folder:
        found = Course(Path(folder)).run(swaps, clients)
    slowest = max(found.back, default=0.0)
    print(
        f"{swaps} swaps, {len(found.back)} ways back, one server killed and started again, "
        f"{clients} connections: {found.answered:,} predictions answered, {len(found.failed)} "
        f"requests failed, {found.lost} captures lost, {found.doubled} doubled. A way back took at "
        f"most {slowest:.2f} s until both gateways answered by it."
    )
    for one in found.failed[:3]:
        print(f"  {one}")
    return found


if __name__ == "__main__":
    sys.exit(0 if run(int(sys.argv[1]) if len(sys.argv) > 1 else 50).kept else 1)
