"""Pictures of a segmentation: colours, label maps, the photograph with its classes, and sheets of samples."""

from ms_ovs.viz.colours import FAINT, INK, PALETTE_SIZE, PAPER, label_image, palette
from ms_ovs.viz.overlays import overlay
from ms_ovs.viz.sheets import Sample, contact_sheet
from ms_ovs.viz.writing import percent

__all__ = [
    "FAINT",
    "INK",
    "PALETTE_SIZE",
    "PAPER",
    "Sample",
    "contact_sheet",
    "label_image",
    "overlay",
    "palette",
    "percent",
]
