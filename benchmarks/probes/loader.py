"""Reading and preparing images for training; no MindSpore in this process, as in a data worker's."""

from benchmarks.worker import Probe
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.layouts import preset
from ms_ovs.data.loader import Loader
from ms_ovs.data.transforms import RandomCrop


def epochs(root: str, workers: int) -> Probe:
    """An epoch of single images from ADE20K's folders in `root`, as LSeg's authors crop them."""
    dataset = FolderDataset(preset("ade20k_150", root, "training"))
    crop = RandomCrop()
    loader = Loader(dataset, crop, batch_size=1, workers=workers)
    done = 0

    def run() -> None:
        nonlocal done
        for _ in loader.epoch(done):
            pass
        done += 1

    return Probe({"run": run}, {"images": len(dataset), "crop": crop.crop_size})
