from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.document import read_document
from assay.errors import CharterError


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: yes", {"a": "yes"}),
        ("a: [no, on, off, y, n]", {"a": ["no", "on", "off", "y", "n"]}),
        ("a: [true, False, TRUE]", {"a": [True, False, True]}),
        ("{yes: 1, 0: 2, true: 3, 1.5: 4}", {"yes": 1, "0": 2, "true": 3, "1.5": 4}),
        ("a: 2024-01-01", {"a": "2024-01-01"}),
        ("a: [010, 1:30, 1_000, 0x1F, -7, +3]", {"a": [10, "1:30", "1_000", "0x1F", -7, 3]}),
        ("a: [.5, 1e3, 2., -0.25]", {"a": [0.5, 1000.0, 2.0, -0.25]}),
        ("a: [~, null, '']\nb:", {"a": [None, None, ""], "b": None}),
        ("a: !!python/object/apply:os.system [ls]", {"a": ["ls"]}),
        ("a: '9'", {"a": "9"}),
        ("", None),
        ("# nothing", None),
    ],
)
def test_plain_data(text: str, data: object) -> None:
    assert read_document(text, "here").data == data


def test_every_entry_has_its_line() -> None:
    document = read_document("a:\n  b: 1\n  c:\n    - x\n    - y\n", "here")
    assert document.line(("a", "b")) == 2
    assert document.line(("a", "c", 1)) == 5
    assert document.line(("a", "nowhere", "deep")) == 1


def test_a_key_that_stands_twice_is_found_and_the_rest_is_read() -> None:
    document = read_document("a: 1\nb: 2\na: 3\n", "here")
    assert document.data == {"a": 1, "b": 2}
    (finding,) = document.findings
    assert finding.path == ("a",)
    assert "lines 1 and 3" in finding.problem


@pytest.mark.parametrize(
    ("text", "path", "mend"),
    [
        ("a:\n\t- b", "line 2, column 1", "never with tabs"),
        ("a: `x`", "line 1, column 4", "between quotes"),
        ("a: @x", "line 1, column 4", "between quotes"),
        ("a: b: c", "line 1, column 5", "between quotes"),
        ("a: 'b", "line 1, column 6", "close the quote"),
        ("a: [1, 2", "line 1, column 9", "brackets"),
        ("a: 1\n---\nb: 2", "line 2, column 1", "one charter in a file"),
        ("a: &x 1\nb: *x", "line 2, column 4", "write the text out"),
        ("[" * 5000, "line 1, column 21", "no more than 20 levels"),
        ("a: b\x00", "character 5", "take it out"),
        ("x" * 600_000, "charter", "keep data out"),
    ],
)
def test_what_cannot_be_read(text: str, path: str, mend: str) -> None:
    with pytest.raises(CharterError) as caught:
        read_document(text, "charter.yaml")
    (fault,) = caught.value.faults
    assert fault.path == path
    assert mend in fault.mend


def test_aliases_do_not_explode() -> None:
    bombs = "\n".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))
    with pytest.raises(CharterError, match="alias"):
        read_document(f"a0: &a0 [x]\n{bombs}", "here")


@given(st.text(alphabet="ab1:-[]{}#&*!|>'\"%@`,. \n\t?\x00\u2028é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(CharterError):
        read_document(text, "here")
