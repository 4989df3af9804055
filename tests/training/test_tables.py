"""Tables that grow, are killed, and go on."""

import csv
import os

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.training.tables import Table, cut

COLUMNS = ("step", "loss", "skipped")


def fill(path, steps, **options):
    table = Table(path, COLUMNS, **options)
    for step in steps:
        table.append(step, loss=step / 2)
    table.close()
    return path.read_text()


def test_rows_are_there_at_once(tmp_path):
    table = Table(tmp_path / "new" / "steps.csv", COLUMNS)
    table.append(1, loss=np.float32(0.1), skipped=np.int64(3))
    table.append(2, loss=float("nan"), skipped=True)
    table.append(np.int32(10_000_000), loss=float("-inf"))
    table.append(4, loss=None, skipped=123_456_789)
    expected = "step,loss,skipped\n1,0.1,3\n2,nan,1\n10000000,-inf,\n4,,123456789\n"
    assert table.path.read_text() == expected
    with pytest.raises(ValueError, match="steps.csv has no column 'lost'"):
        table.append(5, lost=1)
    table.close()
    assert table.path.read_text() == expected


def test_goes_on_where_it_was(tmp_path):
    path = tmp_path / "steps.csv"
    fill(path, (1, 2, 10))
    assert fill(path, (3,)) == "step,loss,skipped\n1,0.5,\n2,1,\n10,5,\n3,1.5,\n"
    assert fill(path, (3,), after_step=2) == "step,loss,skipped\n1,0.5,\n2,1,\n3,1.5,\n"
    table = Table(path, COLUMNS)
    table.cut(1)
    table.append(7)
    table.close()
    assert path.read_text() == "step,loss,skipped\n1,0.5,\n7,,\n"


def test_half_a_row_goes(tmp_path):
    path = tmp_path / "steps.csv"
    whole = fill(path, (1, 2))
    path.write_bytes(whole.encode() + b"\0\0\0\n3,1.5")
    assert fill(path, (4,)) == whole + "4,2,\n"
    path.write_text("step,lo")
    assert fill(path, (1,)) == "step,loss,skipped\n1,0.5,\n"
    assert not cut(tmp_path / "none.csv", 3) and os.listdir(tmp_path) == ["steps.csv"]


def test_other_columns_are_refused(tmp_path):
    before = fill(tmp_path / "steps.csv", (1,))
    with pytest.raises(
        UserError, match=r"steps.csv has columns step, loss, skipped, now they are step, miou"
    ):
        Table(tmp_path / "steps.csv", ("step", "miou"))
    assert (tmp_path / "steps.csv").read_text() == before


def test_names_with_commas(tmp_path):
    columns = ("step", 'iou of "wall, brick"')
    Table(tmp_path / "v.csv", columns).close()
    table = Table(tmp_path / "v.csv", columns)
    table.append(1, **{columns[1]: 0.5})
    table.close()
    with (tmp_path / "v.csv").open() as file:
        assert list(csv.DictReader(file)) == [{"step": "1", columns[1]: "0.5"}]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"log .*steps.csv cannot be written \(.*\): make room"):
        Table(tmp_path / "file" / "steps.csv", COLUMNS)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is full")
def test_a_full_disk_is_told(tmp_path):
    (tmp_path / "steps.csv").symlink_to("/dev/full")
    table = Table(tmp_path / "other.csv", COLUMNS)
    table.path = tmp_path / "steps.csv"
    with pytest.raises(UserError, match=r"steps.csv cannot be written \(No space left on device\)"):
        table.cut(0)
        table.append(1)
