"""The journal: what was recorded comes back, whatever happened to the file in between."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geogrounding.errors import JournalError
from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.types import Answer, Detection, Drop

KEY = {"input": "a", "model": "b"}

texts = st.text(max_size=40)
finite = st.floats(allow_nan=False, allow_infinity=False)
detections = st.builds(
    Detection,
    box_chip_px=st.tuples(finite, finite, finite, finite),
    label=texts,
    score=st.none() | st.floats(0, 1),
    keypoints_chip_px=st.lists(st.tuples(finite, finite), max_size=2).map(tuple),
)
answers = st.builds(
    Answer,
    reasoning=texts,
    detections=st.lists(detections, max_size=3).map(tuple),
    dropped=st.lists(st.builds(Drop, reason=texts, text=texts), max_size=2).map(tuple),
)


def record(index: int, error: str | None = None, label: str = "ship") -> ChipRecord:
    found = Detection(box_chip_px=(1.0, 2.5, 30.0, 4e-7 + 40), label=label, score=0.123456789)
    return ChipRecord(
        index=index, answers=() if error else (Answer(reasoning="one", detections=(found,)),), error=error
    )


@given(st.lists(st.tuples(st.lists(answers, max_size=2).map(tuple), st.none() | texts), max_size=8))
def test_what_was_recorded_comes_back_to_the_last_digit(tmp_path_factory: pytest.TempPathFactory, said: list) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    records = [ChipRecord(index=i, answers=a, error=e) for i, (a, e) in enumerate(said)]
    with Journal(path, KEY) as journal:
        for r in records:
            journal.append([r])
    with Journal(path, KEY, resume=True) as again:
        assert list(again.values()) == records
        assert again.failed == [r.index for r in records if r.error is not None]


def test_a_journal_cut_at_any_byte_gives_back_its_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "j"
    batches = [[record(0), record(1, "corrupt block")], [record(2)], [record(3, label="é\u2028")]]
    ends = []
    with Journal(path, KEY) as journal:
        header = path.stat().st_size
        for batch in batches:
            journal.append(batch)
            ends.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(path, KEY, resume=True) as journal:
            kept = [r for batch, end in zip(batches, ends, strict=True) if end <= cut for r in batch]
            assert list(journal.values()) == kept
            assert journal.next_chip == len(kept)
            # What is appended after a torn tail must be readable too.
            journal.append([record(journal.next_chip, label="later")])
        with Journal(path, KEY, resume=True) as journal:
            assert journal.next_chip == len(kept) + 1
    assert header < ends[0]


@pytest.mark.parametrize("where", [10, 200, -5])
def test_a_flipped_bit_ends_the_journal_there(tmp_path: Path, where: int) -> None:
    path = tmp_path / "j"
    with Journal(path, KEY) as journal:
        for i in range(5):
            journal.append([record(i)])
    damaged = bytearray(path.read_bytes())
    damaged[where] ^= 4
    path.write_bytes(bytes(damaged))
    with Journal(path, KEY, resume=True) as journal:
        assert journal.next_chip < 5
        assert [r.index for r in journal.values()] == list(range(journal.next_chip))


def test_a_failed_chip_can_be_recorded_again(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", KEY) as journal:
        journal.append([record(0), record(1, "server gone"), record(2)])
        assert journal.failed == [1]
        journal.append([record(1)])
        assert journal.failed == []
        assert [r.error for r in journal.values()] == [None, None, None]
    with Journal(tmp_path / "j", KEY, resume=True) as journal:
        assert journal.failed == []
        assert journal[1] == record(1)


def test_chips_out_of_order_are_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", KEY) as journal:
        journal.append([record(0)])
        with pytest.raises(JournalError, match="out of order"):
            journal.append([record(2)])
        with pytest.raises(JournalError, match="out of order"):
            journal.append([record(0)])


def test_another_run_is_refused_and_says_what_changed(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", KEY) as journal:
        journal.append([record(0)])
    before = (tmp_path / "j").read_bytes()
    with pytest.raises(JournalError, match="model changed"):
        Journal(tmp_path / "j", {**KEY, "model": "c"}, resume=True)
    assert (tmp_path / "j").read_bytes() == before


def test_an_existing_journal_is_never_thrown_away_unasked(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", KEY) as journal:
        journal.append([record(0)])
    with pytest.raises(JournalError) as caught:
        Journal(tmp_path / "j", KEY)
    assert "--resume" in caught.value.hint
    with Journal(tmp_path / "j", KEY, overwrite=True) as journal:
        assert journal.next_chip == 0


def test_numbers_of_numpy_come_back_as_numbers(tmp_path: Path) -> None:
    box: Any = tuple(np.array([1, 2.5, 30, 40.25], np.float32))
    score, keypoint = cast(Any, np.float32(0.5)), cast(Any, (np.int64(3), box[1]))
    found = Detection(box_chip_px=box, label="ship", score=score, keypoints_chip_px=(keypoint,))
    with Journal(tmp_path / "j", KEY) as journal:
        journal.append([ChipRecord(index=0, answers=(Answer(detections=(found,)),))])
        (read,) = journal[0].answers[0].detections
    assert read == found
    assert {type(value) for value in (*read.box_chip_px, read.score, *read.keypoints_chip_px[0])} == {float}


def test_a_second_writer_is_refused_while_the_first_is_open(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", KEY) as journal:
        journal.append([record(0)])
        with pytest.raises(JournalError, match="another run"):
            Journal(tmp_path / "j", KEY, resume=True)
        journal.append([record(1)])
    with Journal(tmp_path / "j", KEY, resume=True) as journal:
        assert journal.next_chip == 2


def test_removed_means_nothing_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", KEY)
    journal.append([record(0)])
    journal.remove()
    assert list(tmp_path.glob("j*")) == []


def test_a_full_disk_is_an_error_and_loses_nothing_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path / "j", KEY) as journal:
        journal.append([record(0)])

        def full(fd: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(JournalError, match="No space left") as caught:
                journal.append([record(1)])
        assert "--resume" in caught.value.hint
    with Journal(tmp_path / "j", KEY, resume=True) as journal:
        assert journal.next_chip == 1


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot"):
        Journal(tmp_path / "no" / "j", KEY)
