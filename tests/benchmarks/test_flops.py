"""Operations against numbers known from elsewhere."""

from dataclasses import replace

import pytest

from benchmarks import flops
from ms_ovs.clip.variants import VARIANTS
from ms_ovs.models.lseg.variants import VARIANTS as LSEG
from ms_ovs.models.maskclip_plus.variants import VARIANTS as PLUS
from ms_ovs.models.segformer.variants import VARIANTS as SEGFORMER


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


# multiply-adds as published for 512×512, where the fusion runs four times at the full grid
@pytest.mark.parametrize(("variant", "billions"), [("mit_b0", 8.4), ("mit_b1", 15.9)])
def test_segformers(variant, billions):
    saved = 2 * (4 - (1 + 1 / 4 + 1 / 16 + 1 / 64)) * 128**2 * 256**2
    ours = flops.segformer(SEGFORMER[variant], 512)
    assert (ours + saved) / 2e9 == pytest.approx(billions, rel=0.08)


def test_a_training_step_of_segformer_leaves_the_gradient_of_the_image_out():
    config = SEGFORMER["mit_b0"]
    first = 2 * 128 * 128 * 3 * 7 * 7 * 32
    assert flops.segformer_step(config, 512) == 3 * flops.segformer(config, 512) - first


def test_an_opened_clip_costs_what_the_closed_one_does_but_the_last_attention():
    teacher, clip = PLUS["vit_b16_segformer_b0"].teacher, VARIANTS["ViT-B/16"]
    tokens, width = 14 * 14, 768
    # queries, keys and the two products of the last attention go, the projection is of all places
    spared = 4 * tokens * width**2 + 4 * (tokens + 1) ** 2 * width - 2 * (tokens - 1) * width * 512
    assert flops.maskclip(teacher, 224) == pytest.approx(flops.clip_image(clip) - spared, rel=2e-3)


def test_a_step_of_a_student_is_that_of_a_segformer_without_the_gradient_of_the_words():
    config = PLUS["vit_b16_segformer_b0"]
    same = replace(SEGFORMER["mit_b0"], features=config.embed_dim, classes=config.classes)
    words = 2 * 128 * 128 * 512 * 59
    assert flops.student_step(config, 512) == flops.segformer_step(same, 512) - words
