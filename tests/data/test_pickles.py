"""Pickles are data, and nothing else."""

import pickle

import numpy as np
import pytest

from ms_ovs.data.pickles import ARRAYS, unpickle


class Harm:
    def __reduce__(self):
        return print, ("harm",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol(protocol):
    names = np.array(["wall", "façade"])
    kept = {
        "names": names,
        "mixed": np.array(["a", None], object),
        "one": np.float64(3),
        "raw": b"\xff",
        "set": {1},
    }
    found = unpickle(pickle.dumps(kept, protocol), ARRAYS)
    assert found.keys() == kept.keys() and found["names"].tolist() == names.tolist()
    assert found["mixed"].tolist() == ["a", None]
    assert (found["one"], found["raw"], found["set"]) == (3.0, b"\xff", {1})


def test_what_was_not_allowed(capsys):
    with pytest.raises(pickle.UnpicklingError, match="it asks for builtins.print"):
        unpickle(pickle.dumps({"a": Harm()}), ARRAYS)
    with pytest.raises(
        pickle.UnpicklingError, match=r"it asks for numpy\.(_core|core)\.multiarray\._reconstruct"
    ):
        unpickle(pickle.dumps(np.arange(2), 2))
    assert capsys.readouterr().out == ""
