"""ADE20K with 150 classes, as the MIT Scene Parsing Benchmark offers it."""

from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.recipe import Recipe

FOLDER = "ADEChallengeData2016"

ARCHIVE = Archive(
    name="ADEChallengeData2016.zip",
    folder=FOLDER,
    # as the download script of LSeg's data (PyTorch-Encoding, prepare_ade20k) states it
    sha1="219e1696abb36c8ba3a3afe7fb2f4b4606a897c7",
)
ADE20K_150 = Recipe(sources=(ARCHIVE,), counts={"training": 20210, "validation": 2000}, folder=FOLDER)
