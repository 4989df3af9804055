"""timm's ViT or torchvision's ResNet → the image tower of an LSeg network."""

from collections.abc import Mapping

from convert import shapes, steps
from convert.tables.pretrained import TIMM, TORCHVISION
from convert.tensors import Entry
from ms_ovs.models.lseg.variants import LSegConfig, ViTConfig


def image_tower(tensors: Mapping[str, Entry], config: LSegConfig) -> dict[str, Entry]:
    """The tensors `image.*` of a network of this size, still unread; classifier and last norm are left out.

    Raises `UserError` for stray or missing names, with the nearest known ones, and for other shapes.
    """
    if isinstance(config.image, ViTConfig):
        vit, table = config.image, TIMM
        label = f"timm's ViT of width {vit.width}, {vit.layers} blocks and patches of {vit.patch_size} pixels"
    else:
        table, label = TORCHVISION, f"torchvision's ResNet with {config.image} blocks"
    expected = {name: shape for name, shape in shapes.lseg(config).items() if name.startswith("image.")}
    plan = table.plan(tensors)
    steps.check_names(table, plan, tensors, expected, label)
    used = [step for step in plan.steps if not step.rule.carried]
    made = steps.run(used, tensors)
    steps.check_tensors(used, made, expected, label)
    return made
