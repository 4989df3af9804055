"""Making files of files: only what is missing or old, whole or not at all, faults at the end."""

import os

import pytest

from ms_ovs.data.prepare.archive import FILES
from ms_ovs.data.prepare.convert import Converted, Job, convert
from ms_ovs.errors import UserError


def upper(path, end):
    text = path.read_text()
    if text == "bad":
        raise UserError(f"{path.name} is bad")
    return None if text == "empty" else (text.upper() + end).encode()


@pytest.fixture
def jobs(tmp_path):
    """Files a, b, … and what becomes of them."""

    def jobs(*texts):
        made = []
        for name, text in zip("abcdefgh", texts, strict=False):
            source = tmp_path / name
            source.write_text(text)
            os.utime(source, (1, 1))
            made.append(Job(tmp_path / "out" / name, upper, (source,), ("!",)))
        return made

    return jobs


def run(jobs, workers=0):
    told = []
    return convert(jobs, "making", workers, lambda *values: told.append(values)), told


@pytest.mark.parametrize("workers", [0, 2])
def test_every_file_is_made_or_left_out(jobs, tmp_path, workers):
    made, told = run(jobs(*["one", "empty", "three"] * 2), workers)
    assert made == Converted(written=4, kept=0, left_out=2)
    assert (tmp_path / "out/a").read_text() == "ONE!" and not (tmp_path / "out/b").exists()
    assert told[-1] == ("making", 6, 6, FILES)


def test_what_is_there_is_kept_and_what_is_older_than_its_source_made_anew(jobs, tmp_path):
    three = jobs("one", "two", "three")
    run(three)
    for name in "ab":
        os.utime(tmp_path / "out" / name, (5, 5))
    os.utime(tmp_path / "b", (6, 6))
    made, told = run(three)
    assert made == Converted(written=1, kept=2) and told[-1] == ("making", 1, 1, FILES)
    assert (tmp_path / "out/a").stat().st_mtime == 5 and (tmp_path / "out/b").stat().st_mtime > 6


def test_a_source_that_became_empty_takes_its_file_away(jobs, tmp_path):
    run(jobs("one"))
    again = jobs("empty")
    os.utime(tmp_path / "out/a", (0, 0))
    assert run(again)[0] == Converted(left_out=1) and not (tmp_path / "out/a").exists()


def test_faults_do_not_stop_the_others(jobs, tmp_path):
    four = jobs("one", "bad", "three", "bad")
    with pytest.raises(UserError, match=r"^b is bad \(2 of 4 files failed while making; run again after"):
        run(four)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "c"]
    (tmp_path / "b").write_text("two")
    (tmp_path / "d").write_text("four")
    assert run(four)[0] == Converted(written=2, kept=2)


def test_a_place_that_cannot_be_written(jobs, tmp_path):
    (tmp_path / "out/a").mkdir(parents=True)
    with pytest.raises(UserError, match=r"out/a' cannot be made \(.*\) \(1 of 1 files failed"):
        run(jobs("one"))
