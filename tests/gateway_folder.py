"""A workspace's folder as a gateway finds it, and a gateway process over such folders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.deploy.desired import Arm, Desired
from assay.evidence.bundle import Bundle

__all__ = ["lay_out", "publish", "running"]


def lay_out(folder: Path, *bundles: Bundle, weight: float = 0.0, **changes: Any) -> Desired:
    """Keep bundles under a folder and release them: a champion, and a challenger of a weight."""
    blobs = FsspecBlobs(fsspec.filesystem("file"), str(folder / "blobs"))
    for bundle in bundles:
        for content in (*bundle.files.values(), bundle.manifest()):
            blobs.put(content)
    return publish(folder, *bundles, weight=weight, **changes)


def publish(folder: Path, *bundles: Bundle, weight: float = 0.0, **changes: Any) -> Desired:
    """Release bundles that lie there, as revision 1 where none is given."""
    arms = [Arm("champion", 1, bundles[0].digest, 1.0 - weight)]
    arms += [Arm("challenger", 2, bundle.digest, weight) for bundle in bundles[1:]]
    settings = {"revision": 1, "salt": "s", "arms": tuple(arms), **changes}
    state = Desired(model=bundles[0].model, **settings)
    FileDesired(folder / "desired.json").publish(state.encode(), state.revision)
    return state


@contextmanager
def running(*arguments: str | Path) -> Iterator[str]:
    """Run a gateway on a free port; gives its URL, and demands that it ends well."""
    command = [sys.executable, "-m", "assay.gateway", *map(str, arguments), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "ready on" in line, line
            yield line.split()[-1]
            process.terminate()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
