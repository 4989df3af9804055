"""Sentences about a scene of the embedded benchmark, as people caption photographs: varied, not complete."""

import numpy as np

from ms_ovs.data.scenes import Scene

# The bare words come too, since labels are bare words.
WITH_GROUND = (
    "{things} on {ground}",
    "{things} on the {ground}",
    "{things} and {ground}",
    "{ground} with {things}",
    "a photo of {things} on {ground}",
    "there is {things} on the {ground}",
    "{things} in front of {ground}",
)
WITHOUT_GROUND = ("{things}", "a picture of {things}", "there is {things}", "a photo of {things}", "{bare}")
ONLY_GROUND = ("{ground}", "a photo of {ground}", "nothing but {ground}")

SAYS_GROUND = 0.4  # how often a sentence names the ground
LEAVES_OUT = 0.1  # how often one of several things is not named
LEAST_GROUND = 0.1  # part of the picture below which a ground is not named


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """A sentence that names things of the scene, in any order, and mostly its ground or grounds."""
    things = [scene.things[index].words for index in rng.permutation(len(scene.things))]
    if len(things) > 1 and rng.random() < LEAVES_OUT:
        things.pop()
    grounds = [
        word for index, word in enumerate(scene.grounds) if (scene.owner == index).mean() >= LEAST_GROUND
    ]
    if not things:
        templates = ONLY_GROUND
    elif grounds and rng.random() < SAYS_GROUND:
        templates = WITH_GROUND
    else:
        templates = WITHOUT_GROUND
    template = templates[rng.integers(len(templates))]
    return template.format(
        things=_listed([f"a {thing}" for thing in things]), bare=_listed(things), ground=_listed(grounds)
    )


def _listed(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
