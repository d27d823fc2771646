"""`make kernel`: compile the loops that count into cells, and write them down as LLVM's language.

numba turns `assay.stats.tally_loops` into optimised IR. What is kept of it is the loop alone:
without numba's error handling, and without attributes that only some versions of LLVM know.
"""

from __future__ import annotations

import re
from pathlib import Path

import numba
from numba import types

from assay.stats import tally_loops

OUT = Path(tally_loops.__file__).with_name("tally.ll")

HEAD = """\
; The loops of tally_loops.py, compiled to LLVM's language by `make kernel`: do not edit.
"""

_DEFINITION = re.compile(r"^define .*?^}", re.MULTILINE | re.DOTALL)
_ATTRIBUTES = re.compile(
    r" (?:noundef|noalias|readonly|writeonly|readnone|captures\(none\)|nocapture|nuw|nsw|disjoint|"
    r"samesign|nonnull|local_unnamed_addr|tail|range\([^)]*\)|align \d+|#\d+)(?=[ ,)]|$)"
)


def ir_of(name: str) -> tuple[str, list[str]]:
    """Return a loop's definition, and the declarations it needs."""
    loop, signature = tally_loops.LOOPS[name]
    words = [
        types.CPointer(getattr(types, word[:-1])) if word.endswith("*") else getattr(types, word)
        for word in signature.split()
    ]
    compiled = numba.cfunc(types.void(*words), error_model="numpy", _nrt=False)(loop)
    text = compiled._library.get_llvm_str()  # noqa: SLF001 - the only way to numba's IR
    found = next(
        one
        for one in re.findall(r"^define .*?^}", text, re.MULTILINE | re.DOTALL)
        if "cfunc." not in one[:200]
    )
    lines = [
        line.split(";")[0].rstrip()
        for line in found.splitlines()
        if "store ptr null, ptr %retptr" not in line
    ]
    body = "\n".join(line for line in lines if line)
    for _ in range(8):
        body = _ATTRIBUTES.sub("", body)
    body = re.sub(r"^define i32 @\S+?\(ptr %retptr, ptr %excinfo, ", f"define void @{name}(", body)
    body = re.sub(r", !\S+ !\d+", "", body).replace("ret i32 0", "ret void")
    calls = sorted(set(re.findall(r"call .*?@([\w.]+)\(", body)))
    declared = [_declared(text, call) for call in calls]
    return body, declared


def _declared(text: str, name: str) -> str:
    line = next(
        one for one in text.splitlines() if one.startswith("declare") and f"@{name}(" in one
    )
    for _ in range(8):
        line = _ATTRIBUTES.sub("", line)
    return line


def main() -> None:
    tally_loops.key_of = numba.njit(error_model="numpy")(tally_loops.key_of)
    bodies, declarations = [], set()
    for name in tally_loops.LOOPS:
        body, declared = ir_of(name)
        bodies.append(body)
        declarations |= set(declared)
    parts = "\n\n".join([*bodies, *sorted(declarations)])
    OUT.write_text(f"{HEAD}\n{parts}\n")
    print(f"{OUT.name}: {len(parts.splitlines())} lines by numba {numba.__version__}")


if __name__ == "__main__":
    main()
