"""Operations against numbers known from elsewhere."""

import pytest

from benchmarks import flops
from ms_ovs.clip.variants import VARIANTS
from ms_ovs.models.lseg.variants import VARIANTS as LSEG


# multiply-adds as published for the ViTs (half of our operations), within the parts left out
@pytest.mark.parametrize(("variant", "billions"), [("ViT-B/32", 4.4), ("ViT-B/16", 17.6), ("ViT-L/14", 81.0)])
def test_image_towers(variant, billions):
    assert flops.clip_image(VARIANTS[variant]) / 2e9 == pytest.approx(billions, rel=0.01)


def test_text_grows_with_every_length():
    config = VARIANTS["ViT-B/32"].text
    assert flops.clip_text(config, [5, 7]) == flops.clip_text(config, [5]) + flops.clip_text(config, [7])
    assert flops.clip_text(config, [77]) > 15 * flops.clip_text(config, [5])


def test_lseg_labels_cost_their_product():
    config = LSEG["clip_vitl16_384"]
    more = flops.lseg(config, 480, 151) - flops.lseg(config, 480, 150)
    assert more == 2 * 240 * 240 * 512


def test_a_training_step_is_three_passes_without_the_gradients_of_image_and_words():
    config = LSEG["clip_vitb32_384"]
    patches = 2 * 15 * 15 * 3 * 32 * 32 * 768
    words = 2 * 240 * 240 * 512 * 150
    assert flops.lseg_step(config, 480, 150) == 3 * flops.lseg(config, 480, 150) - patches - words
