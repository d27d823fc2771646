"""A writer and a rotator are killed at random points; a reader goes on by its position meanwhile.

After each kill: no prediction whose future was done is lost, none is there twice, and whoever reads
on by position has seen each once.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.kill.tally import Tally

from assay.adapters.lake_captures import LakeCaptures

__all__ = ["Loop", "run"]

WRITER = """
import sys
from pathlib import Path
from assay.adapters.log_captures import LogCaptures
from assay.ports.capture_batch import CaptureBatch
log = LogCaptures(Path(sys.argv[1]), 0.002)
log.govern(None, 20_000, 0.2)
life, n = sys.argv[2], 0
while True:
    futures = []
    for _ in range(9):
        ids = [f"{life}-{n}/{row}" for row in range(n % 5 + 1)]
        inputs = {"x": [0.5] * len(ids), "job": ["clerk"] * len(ids)}
        shared = {"model": "bank", "at": "2026-03-01T12:00:00+00:00", "arm": "champion"}
        futures.append((log.add([CaptureBatch(len(ids), shared, {"id": ids}, inputs)]), ids))
        n += 1
    for future, ids in futures:
        future.result()
        sys.stdout.write(" ".join(ids) + "\\n")
    sys.stdout.flush()
"""
ROTATOR = """
import sys
from pathlib import Path
from assay.adapters.lake_rotation import rotate
print("ready", flush=True)
while True:
    rotate(Path(sys.argv[1]))
"""


@dataclass
class Loop:
    """What was acknowledged, what a reader has seen by position, and both processes' lives."""

    folder: Path
    seed: int = 0
    promised: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)
    position: str = ""

    def kill(self, times: int) -> bool:
        """Kill so often; whether every promise held at the end of each life."""
        draw = random.Random(self.seed)
        for life in range(times):
            self._live(f"{self.seed}-{life}", draw.uniform(0.02, 0.35))
            if not self.kept():
                return False
        return True

    def kept(self) -> bool:
        """Read all, and read on, and compare."""
        log = LakeCaptures(self.folder)
        there = Counter(str(record["id"]) for record in log.read())
        more = True
        while more:
            read = log.read_after(self.position)
            self.position, more = read.position, read.more
            self.seen.update(str(record["id"]) for record in read.records)
        lost, doubled = self.promised - there.keys(), [one for one in there if there[one] > 1]
        if lost or doubled or self.seen != there:
            print(f"lost {sorted(lost)[:5]}, doubled {doubled[:5]}, reader differs "
                  f"by {list((self.seen - there) + (there - self.seen))[:5]}")  # fmt: skip
            return False
        return True

    def _live(self, life: str, seconds: float) -> None:
        """Let a writer and a rotator run for so long, and kill both."""
        writer = _start(WRITER, str(self.folder), life)
        rotator = _start(ROTATOR, str(self.folder))
        assert writer.stdout is not None
        assert rotator.stdout is not None
        rotator.stdout.readline()
        self.promised.update(writer.stdout.readline().split())
        time.sleep(seconds)
        writer.kill()
        time.sleep(seconds / 10)
        rotator.kill()
        lines = writer.stdout.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith("\n"):
                self.promised.update(line.split())
        for process in (writer, rotator):
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def run(times: int) -> list[Tally]:
    """Kill writers and rotators so often, and return what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(Path(folder))
        tally = Tally("captures: writer and rotator", times)
        if not loop.kill(times):
            tally.faults.append("captures are not what was acknowledged: see above")
        files = len(list(Path(folder).rglob("*.parquet")))
        tally.notes.append(f"{loop.seen.total():,} are there, in {files} Parquet files and logs")
        tally.acknowledged = len(loop.promised)
        tally.lost = len(loop.promised - loop.seen.keys())
        tally.doubled = sum(n > 1 for n in loop.seen.values())
    return [tally]


def _start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, bufsize=1
    )
