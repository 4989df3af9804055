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
