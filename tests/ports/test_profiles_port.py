"""One suite for every adapter of the profiles port."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.adapters.memory_profiles import MemoryProfiles
from assay.adapters.sqlite_profiles import SqliteProfiles
from assay.errors import StoreError
from assay.ports.profiles import Profiles, WindowKey

ADAPTERS: dict[str, Callable[[Path], Profiles]] = {
    "memory": lambda _: MemoryProfiles(),
    "sqlite": lambda folder: SqliteProfiles(folder / "monitor" / "profiles.sqlite"),
}
ONE = WindowKey(3, "champion", 1, "d1")
TWO = WindowKey(-2, "challenger", 2, "d2")


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Profiles:
    return ADAPTERS[request.param](tmp_path)


def test_nothing_in_nothing_out(store: Profiles) -> None:
    assert dict(store.readings()) == {}
    assert store.profile(ONE) is None
    assert store.note("position") is None


def test_readings_come_back_in_order_of_windows(store: Profiles) -> None:
    store.put({ONE: (b"profile 1", b"reading 1"), TWO: (b"profile 2", b"reading 2")})
    assert list(store.readings().items()) == [(TWO, b"reading 2"), (ONE, b"reading 1")]
    assert store.profile(ONE) == b"profile 1"


def test_a_later_one_takes_the_place_of_an_earlier_one(store: Profiles) -> None:
    store.put({ONE: (b"a", b"b")})
    store.put({ONE: (b"c", b"d")})
    assert (store.profile(ONE), dict(store.readings())) == (b"c", {ONE: b"d"})


def test_what_is_dropped_is_gone(store: Profiles) -> None:
    store.put({ONE: (b"a", b"b"), TWO: (b"c", b"d")})
    store.drop([ONE, WindowKey(9, "nobody", 1, "d")])
    assert list(store.readings()) == [TWO]


def test_notes_are_kept_by_name(store: Profiles) -> None:
    store.write_note("position", b"1")
    store.write_note("position", b"2")
    store.write_note("other", b"3")
    assert (store.note("position"), store.note("other")) == (b"2", b"3")


def test_reading_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "profiles.sqlite"
    assert dict(SqliteProfiles(path).readings()) == {}
    assert SqliteProfiles(path).note("position") is None
    assert not path.exists()


def test_profiles_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "profiles.sqlite"
    SqliteProfiles(path).put({ONE: (b"a", b"b")})
    assert SqliteProfiles(path).profile(ONE) == b"a"


def test_another_format_and_no_database_are_told(tmp_path: Path) -> None:
    path = tmp_path / "profiles.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="have format 99"):
        SqliteProfiles(path).readings()
    path.write_bytes(b"this is no database at all, and long enough to be seen as such" * 20)
    with pytest.raises(StoreError, match="made anew from the log"):
        SqliteProfiles(path).readings()
