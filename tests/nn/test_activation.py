import mindspore as ms
import numpy as np
import pytest
from scipy.special import erf

from ms_ovs.errors import UserError
from ms_ovs.nn.activation import activation

X = np.linspace(-9, 9, 20001).astype(np.float32)
WIDE = X.astype(np.float64)
SIGMOID = 1 / (1 + np.exp(-1.702 * WIDE))
PHI = 0.5 * (1 + erf(WIDE / np.sqrt(2)))

VALUES = {
    "gelu": WIDE * PHI,
    "quick_gelu": WIDE * SIGMOID,
    "relu": np.maximum(WIDE, 0),
    "tanh": np.tanh(WIDE),
    "lrelu": np.where(WIDE > 0, WIDE, 0.01 * WIDE),
}
SLOPES = {
    "gelu": PHI + WIDE * np.exp(-(WIDE**2) / 2) / np.sqrt(2 * np.pi),
    "quick_gelu": SIGMOID + 1.702 * WIDE * SIGMOID * (1 - SIGMOID),
    "tanh": 1 - np.tanh(WIDE) ** 2,
}


@pytest.mark.parametrize("name", VALUES)
def test_value(mode, name):
    ours = activation(name)(ms.Tensor(X)).asnumpy()
    np.testing.assert_allclose(ours, VALUES[name], atol=3e-6)


@pytest.mark.parametrize("name", SLOPES)
def test_gradient(mode, name):
    cell = activation(name)
    ours = ms.grad(cell)(ms.Tensor(X)).asnumpy()
    np.testing.assert_allclose(ours, SLOPES[name], atol=1e-5)


def test_exact_gelu_is_not_the_tanh_form(mode):
    tanh_form = 0.5 * WIDE * (1 + np.tanh(np.sqrt(2 / np.pi) * (WIDE + 0.044715 * WIDE**3)))
    ours = activation("gelu")(ms.Tensor(X)).asnumpy()
    assert np.abs(ours - tanh_form).max() > 1e-4 > 100 * np.abs(ours - VALUES["gelu"]).max()


def test_exact_gelu_far_out(mode):
    far = np.array([-3e38, -1e7, -50, 0, 50, 1e7, 3e38], np.float32)
    cell = activation("gelu")
    np.testing.assert_array_equal(cell(ms.Tensor(far)).asnumpy(), np.maximum(far, 0))
    np.testing.assert_array_equal(ms.grad(cell)(ms.Tensor(far)).asnumpy(), [0, 0, 0, 0.5, 1, 1, 1])


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UserError, match="'quick_gelu'"):
        activation("quickgelu")
