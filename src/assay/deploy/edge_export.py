"""What `assay export --to edge` writes: a model, what is told of it, and the runner in one file."""

from __future__ import annotations

import ast
import hashlib
import json
import math
import re
import secrets
from dataclasses import asdict
from importlib import resources
from typing import Any

from assay.deploy.bundle_file import Packed
from assay.deploy.door import Door
from assay.deploy.edge.door_check import Rule
from assay.deploy.edge_policy import edge_policy
from assay.deploy.scoring import read_signature
from assay.errors import InputError, ModelError
from assay.evidence.digest import canonical_bytes, digest_bytes
from assay.stats.forecaster import forecaster_from_document
from assay.value.valuation import valuation_from_document

__all__ = ["EDGE_FORMAT", "NAMES_KEY", "edge_files", "names_key", "rule_document", "runner_source"]

EDGE_FORMAT = 2
"""Raise it when a file's meaning changes; the runner is exported with its files, and reads one."""

NAMES_KEY = "names.key"
"""The file of the key under which an edge names requests: for its owner's eyes alone."""

_MODULES = (
    "door_check",
    "forecasting",
    "deciding",
    "feeding",
    "exported",
    "requests",
    "spool",
    "runner",
)


def names_key(model: str, installation: bytes | None = None) -> bytes:
    """Return the key under which edges name the requests of a model.

    It is derived from the installation's own key, which stays where it is and cannot be had from
    this one: all exports of the model have the same, so that a request which is sent again keeps
    its name over devices and versions, and the installation can work names out. Without a key of an
    installation it is drawn.

    >>> names_key("bank", b"k" * 32) == names_key("bank", b"k" * 32), len(names_key("bank"))
    (True, 32)
    """
    if installation is None:
        return secrets.token_bytes(32)
    named = hashlib.blake2b(model.encode(), key=installation, digest_size=32, person=b"edge names")
    return named.digest()


def edge_files(
    packed: Packed, key: bytes | None = None, *, drop_hashed: bool = False
) -> dict[str, bytes]:
    """Return the files of an exported directory by name; `MANIFEST.json` names the others' digests.

    `key` is that of the installation, which is not among them (see `names_key`).
    Columns that the charter drops from captures stay out of the edge's as well. Those that it
    hashes need this installation's key, which must not leave it: InputError, unless `drop_hashed`
    says to drop them too. InputError also where the policy cannot be carried (see `edge_policy`),
    ModelError where the bundle has no ONNX model.
    """
    bundle, signature = packed.bundle, read_signature(packed.bundle)
    if "model.onnx" not in bundle.files:
        raise ModelError(
            f"The bundle {bundle.digest[:12]} holds no ONNX model, and a runner on an edge has "
            "nothing else to score with. Serve it with `assay up`, or train a model that compiles."
        )
    reference = json.loads(bundle.files.get("reference.json", b"null"))
    calibration = json.loads(bundle.files["calibration.json"])
    valuation = valuation_from_document(json.loads(bundle.files["policy.json"]))
    names = [one.name for one in signature.inputs]
    policy = edge_policy(valuation, forecaster_from_document(calibration), names)
    door = Door.of(reference, signature, packed.serving.door)
    files = {
        "model.onnx": bundle.files["model.onnx"],
        "signature.json": bundle.files["signature.json"],
        "calibration.json": bundle.files["calibration.json"],
        "policy.json": canonical_bytes(policy),
        "door.json": canonical_bytes([rule_document(rule) for rule in door.rules]),
        "edge.json": canonical_bytes(_about(packed, [*names, *policy["also"]], drop_hashed)),
        "runner.py": runner_source().encode(),
        NAMES_KEY: names_key(bundle.model, key),
    }
    manifest = {
        "format": EDGE_FORMAT,
        "model": bundle.model,
        "version": packed.version,
        "bundle": bundle.digest,
        "files": {name: digest_bytes(raw) for name, raw in files.items()},
    }
    return {**files, "MANIFEST.json": canonical_bytes(manifest)}


def runner_source() -> str:
    """Return the runner: the modules of `assay.deploy.edge` joined, each docstring cut to a line.

    >>> "assay.deploy" in runner_source()
    False
    """
    folder = resources.files("assay.deploy.edge")
    imports: dict[str, set[str]] = {}
    parts, head = [], ""
    for module in _MODULES:
        source = folder.joinpath(f"{module}.py").read_text(encoding="utf-8")
        tree = ast.parse(source)
        for node in tree.body:
            _gather(node, imports)
        head = ast.get_docstring(tree, clean=False) or ""
        parts.append(f"# {head.splitlines()[0]}\n\n{_body(tree, source)}")
    start = f'"""{head}"""\n\nfrom __future__ import annotations\n\n{_imports(imports)}'
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join([start, *parts])) + "\n"


def rule_document(rule: Rule) -> dict[str, Any]:
    """Return a rule of the door as JSON has it: an open end is null."""
    told = asdict(rule) | {"known": None if rule.known is None else sorted(rule.known)}
    ends = {"low": rule.low, "high": rule.high}
    return told | {name: end if math.isfinite(end) else None for name, end in ends.items()}


def _about(packed: Packed, columns: list[str], drop_hashed: bool) -> dict[str, Any]:
    rules = packed.serving
    protected = rules.capture.protected
    hashed = sorted(name for name, how in protected.items() if how == "hash")
    if hashed and not drop_hashed:
        raise InputError(
            f"`serving.capture.protected` hashes {', '.join(hashed)} under a key of this "
            "installation, which must not leave it. Give --drop-hashed to leave these columns out "
            "of the edge's captures altogether, or drop them in the charter."
        )
    wanted = columns if rules.capture.columns is None else rules.capture.columns
    return {
        "model": packed.bundle.model,
        "version": packed.version,
        "bundle": packed.bundle.digest,
        "environment": packed.environment,
        "revision": packed.revision,
        "arm": "champion" if packed.champion else "pinned",
        "entity": packed.entity,
        "keep_entity": packed.entity not in protected,
        "kept": sorted(name for name in columns if name in wanted and name not in protected),
        "on_failure": rules.capture.on_failure,
        "rotate_mib": rules.capture.rotate_mib,
        "rotate_minutes": rules.capture.rotate_minutes,
        "most_rows": rules.limits.rows,
        "most_bytes": int(rules.limits.body_mib * 2**20),
    }


def _gather(node: ast.stmt, imports: dict[str, set[str]]) -> None:
    """Take note of an import that is neither our own nor of `__future__`."""
    if isinstance(node, ast.Import):
        imports.setdefault("", set()).update(map(ast.unparse, node.names))
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if not module.startswith(("assay.", "__future__")):
            imports.setdefault(module, set()).update(one.name for one in node.names)


def _imports(imports: dict[str, set[str]]) -> str:
    plain = [f"import {name}" for name in sorted(imports[""])]
    named = sorted((module, names) for module, names in imports.items() if module)
    return "\n".join(
        [*plain, *(f"from {module} import {', '.join(sorted(names))}" for module, names in named)]
    )


def _body(tree: ast.Module, source: str) -> str:
    """Return a module's text behind its imports, docstrings cut to their first lines."""
    lines, left_out = source.splitlines(), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            told = node.body[0]
            if told.end_lineno is not None and told.end_lineno > told.lineno:
                lines[told.lineno - 1] = lines[told.lineno - 1].rstrip() + '"""'
                left_out.update(range(told.lineno + 1, told.end_lineno + 1))
    for node in tree.body[1:]:
        if _left_out(node):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    first = (tree.body[0].end_lineno or 0) + 1
    kept = [line for n, line in enumerate(lines, 1) if n >= first and n not in left_out]
    return "\n".join(kept).strip("\n")


def _left_out(node: ast.stmt) -> bool:
    """Whether a statement has no place in the joined file: an import, or `__all__`."""
    if isinstance(node, ast.Assign):
        return getattr(node.targets[0], "id", "") == "__all__"
    return isinstance(node, ast.Import | ast.ImportFrom)
