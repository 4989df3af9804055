"""Photographs of every kind and every kind of broken one."""

import os

import numpy as np
import pytest
from PIL import Image

from ms_ovs.errors import UserError
from ms_ovs.images import as_rgb, check_header, find_images, open_image


@pytest.fixture
def colours():
    """uint8 (20,30,3), every pixel another colour."""
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(picture, path, **options):
    picture.save(path, **options)
    return path


def test_rgb_is_kept(tmp_path, colours):
    out = open_image(saved(Image.fromarray(colours), tmp_path / "a.png"))
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, colours)


def test_grey_gets_three_channels(tmp_path, colours):
    out = open_image(saved(Image.fromarray(colours[..., 0]), tmp_path / "a.png"))
    np.testing.assert_array_equal(out, np.repeat(colours[..., :1], 3, 2))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_not_cut_off(tmp_path, suffix):
    values = np.array([[0, 257, 25700, 65535], [128, 129, 65278, 32768]], np.uint16)
    out = open_image(saved(Image.fromarray(values), tmp_path / f"a.{suffix}"))
    np.testing.assert_array_equal(out[..., 0], [[0, 1, 100, 255], [0, 1, 254, 128]])


def test_16_bit_colour_is_scaled(tmp_path):
    values = np.array([[[0, 257, 65535], [25700, 32768, 513]]], np.uint16)
    (tmp_path / "a.ppm").write_bytes(b"P6 2 1 65535\n" + values.astype(">u2").tobytes())
    assert np.abs(open_image(tmp_path / "a.ppm").astype(int) - values // 257).max() <= 1


def test_more_than_16_bits_are_refused(tmp_path):
    path = saved(Image.fromarray(np.array([[0, 70000]], np.int32)), tmp_path / "a.tif")
    with pytest.raises(UserError, match="70000"):
        open_image(path)


def test_floating_point_is_refused(tmp_path):
    path = saved(Image.fromarray(np.zeros((2, 2), np.float32)), tmp_path / "a.tif")
    with pytest.raises(UserError, match="floating-point"):
        open_image(path)


def test_transparent_pixels_are_laid_over_white(tmp_path):
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]], np.uint8)
    out = open_image(saved(Image.fromarray(pixels), tmp_path / "a.png"))
    np.testing.assert_array_equal(out, [[[10, 20, 30], [255, 255, 255], [204, 204, 204]]])


def test_palette_with_a_transparent_colour(tmp_path):
    picture = Image.fromarray(np.array([[0, 1]], np.uint8))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    out = open_image(saved(picture, tmp_path / "a.png", transparency=1))
    np.testing.assert_array_equal(out, [[[255, 0, 0], [255, 255, 255]]])


def test_cmyk(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[..., 1:3] = 255  # magenta and yellow are red
    out = open_image(saved(Image.fromarray(pixels, "CMYK"), tmp_path / "a.tif"))
    np.testing.assert_array_equal(out, np.broadcast_to([255, 0, 0], (8, 8, 3)))


def test_one_bit_pictures(tmp_path):
    out = open_image(saved(Image.fromarray(np.array([[True, False]])), tmp_path / "a.png"))
    np.testing.assert_array_equal(out[0, :, 0], [255, 0])


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_exif_rotation_is_carried_out(tmp_path, colours, orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = open_image(saved(Image.fromarray(colours), tmp_path / "a.png", exif=exif))
    np.testing.assert_array_equal(out, np.rot90(colours, turns))


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12", b"\0" * 40])
def test_broken_exif_data_does_no_harm(tmp_path, colours, exif):
    out = open_image(saved(Image.fromarray(colours), tmp_path / "a.jpg", exif=exif))
    assert out.shape == colours.shape


def test_an_animation_gives_its_first_picture(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(open_image(tmp_path / "a.gif")[0, 0], [255, 0, 0])


def truncated(path):
    noise = np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])


BROKEN = {
    "missing.png": (lambda path: None, "does not exist"),
    "folder.png": (lambda path: path.mkdir(), "not a file"),
    "pipe.png": (os.mkfifo, "not a file"),
    "empty.png": (lambda path: path.touch(), "empty"),
    "text.png": (lambda path: path.write_text("hello"), "not a picture"),
    "header.png": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40)), "picture|damaged"),
    "cut.png": (truncated, "damaged"),
    "cut.jpg": (truncated, "damaged"),
    "cut.tif": (truncated, "damaged|picture"),
    "zero.ppm": (lambda path: path.write_bytes(b"P6 0 0 255\n"), "damaged|no pixels|picture"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_photographs_are_told_in_one_line(tmp_path, name):
    make, rule = BROKEN[name]
    make(tmp_path / name)
    with pytest.raises(UserError, match=rule) as caught:
        open_image(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.png", "empty.png", "text.png"])
def test_the_header_alone_tells(tmp_path, name):
    make, rule = BROKEN[name]
    make(tmp_path / name)
    with pytest.raises(UserError, match=rule):
        check_header(tmp_path / name)


def test_the_header_of_a_good_photograph(tmp_path, colours):
    check_header(saved(Image.fromarray(colours), tmp_path / "a.jpg"))


def test_decompression_bombs_are_refused(tmp_path, colours, monkeypatch):
    path = saved(Image.fromarray(colours), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with pytest.raises(UserError, match="decompression"):
        open_image(path)


@pytest.mark.filterwarnings("error")
def test_a_large_photograph_below_the_limit_passes_quietly(tmp_path, colours, monkeypatch):
    path = saved(Image.fromarray(colours), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)  # Pillow warns from here and refuses twice as much
    assert open_image(path).shape == colours.shape


def test_as_rgb_takes_paths_pictures_and_arrays(tmp_path, colours):
    path = saved(Image.fromarray(colours), tmp_path / "a.png")
    for photo in (path, str(path), Image.fromarray(colours), colours):
        np.testing.assert_array_equal(as_rgb(photo), colours)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        3,
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(UserError, match=r"uint8 array \(height, width, 3\)"):
        as_rgb(image)


def test_folders_stand_for_their_pictures(tmp_path, colours):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png"):
        (folder / name).touch()
    (folder / "deeper.png").mkdir()
    single = tmp_path / "single.dat"
    single.touch()
    found = find_images([single, folder, folder / "a.png"])
    assert found == [single, folder / "a.png", folder / "b.JPG"]


def test_folders_without_pictures_and_missing_paths(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="no pictures"):
        find_images([tmp_path])
    with pytest.raises(UserError, match="does not exist"):
        find_images([tmp_path / "none.png"])
    with pytest.raises(UserError, match="no photos"):
        find_images([])
