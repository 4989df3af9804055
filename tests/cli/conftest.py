"""The command, called in this process."""

import numpy as np
import pytest
from PIL import Image

from ms_ovs.cli import main
from ms_ovs.data import shapes


@pytest.fixture
def ms_ovs(monkeypatch, capsys):
    """Run `ms-ovs` with arguments, on a wide terminal; returns (status, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["ms-ovs", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


@pytest.fixture
def flags(tmp_path, flag):
    """Write a set with the flag under some names; returns its config. In the truth stripes have ids 1 to 3.

    `truth` changes that before it is written.
    """

    def write(names, change=lambda truth: None):
        truth = np.zeros(flag.shape[:2], np.uint8)
        truth[:, :30], truth[:, 30:75], truth[:, 75:89] = 1, 2, 3
        change(truth)
        for name in names:
            for folder, picture in (("images", flag), ("labels", truth)):
                path = tmp_path / folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(path)
        config = tmp_path / "flags.yaml"
        config.write_text(
            f"image_dir: {tmp_path / 'images'}\nlabel_dir: {tmp_path / 'labels'}\nimage_suffix: .png\n"
            "labels: red, green, blue\noffset: 1\nignore: [0]\n"
        )
        return config

    return write


@pytest.fixture
def two_sets(tmp_path):
    """VOC's 20 classes on 5 images of noise, of which one is damaged, and 3 scenes of the benchmark."""
    root, rng = tmp_path / "data", np.random.default_rng(5)
    for folder in ("JPEGImages", "annotations_ovs/val"):
        (root / folder).mkdir(parents=True)
    for number in range(5):
        pixels = rng.integers(0, 256, (48, 40, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"JPEGImages/{number}.jpg", quality=95)
        truth = rng.choice([*range(20), 255], (48, 40)).astype(np.uint8)
        Image.fromarray(truth).save(root / f"annotations_ovs/val/{number}.png")
    (root / "JPEGImages/3.jpg").write_text("no picture")
    shapes.write(root / "shapes", seed=1, train=1, val=3, captions=1, size=32)
    return root
