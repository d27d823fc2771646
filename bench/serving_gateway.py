"""`python -m bench.serving_gateway ... --no-capture`: our gateway, recording nothing.

No charter allows that; it tells what recording costs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future

from assay.adapters.log_captures import LogCaptures
from assay.gateway import root


def _nothing(_: LogCaptures, batches: Sequence[object], *, soon: bool = True) -> Future[None]:
    del batches, soon
    return _DONE


_DONE: Future[None] = Future()
_DONE.set_result(None)


def main(argv: list[str]) -> int:
    argv.remove("--no-capture")
    LogCaptures.add = _nothing  # type: ignore[method-assign]
    return root.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
