"""Pictures of every kind against pixels known by hand."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, make_source
from jaxgan.data.transform import Transform, convert, upright_size

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def reread(image: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    """The picture as it comes back from a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue()))


def pixels(image: Image.Image, channels: int) -> list:
    return np.asarray(convert(image, channels)).tolist()


def test_sixteen_bit_grey_is_scaled() -> None:
    wide = np.array([[0, 257, 32768, 65535]], np.uint16)
    image = reread(Image.fromarray(wide))
    assert image.mode.startswith("I")
    assert pixels(image, 1) == [[0, 1, 128, 255]]
    assert pixels(image, 3) == [[[v, v, v] for v in (0, 1, 128, 255)]]


def test_palette_with_transparency_is_laid_on_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    image = reread(image, transparency=1)
    assert image.mode == "P"
    assert pixels(image, 3) == [[[*RED], [*WHITE]]]
    assert pixels(image, 4) == [[[*RED, 255], [*BLUE, 0]]]
    assert pixels(image, 1) == [[76, 255]]  # 0.299 * 255


def test_palette_without_transparency() -> None:
    image = Image.new("P", (1, 1))
    image.putpalette([*GREEN])
    assert pixels(reread(image), 3) == [[[*GREEN]]]
    assert pixels(reread(image), 4) == [[[*GREEN, 255]]]


def test_alpha_is_blended_with_white() -> None:
    image = reread(Image.new("RGBA", (1, 1), (255, 0, 0, 128)))
    assert pixels(image, 3) == [[[255, 127, 127]]]  # 255 * (1 - 128/255)
    assert pixels(image, 4) == [[[255, 0, 0, 128]]]


def test_grey_with_alpha() -> None:
    image = Image.new("LA", (2, 1), (10, 255))
    image.putpixel((1, 0), (10, 0))
    assert pixels(reread(image), 1) == [[10, 255]]
    assert pixels(reread(image), 4) == [[[10, 10, 10, 255], [10, 10, 10, 0]]]


def test_transparent_colour_of_an_rgb_png() -> None:
    image = Image.new("RGB", (2, 1), GREEN)
    image.putpixel((1, 0), BLUE)
    assert pixels(reread(image, transparency=GREEN), 3) == [[[*WHITE], [*BLUE]]]


def test_one_bit_and_grey_and_colour() -> None:
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    assert pixels(reread(bits), 1) == [[0, 255]]
    assert pixels(reread(Image.new("L", (1, 1), 77)), 3) == [[[77, 77, 77]]]
    assert pixels(reread(Image.new("RGB", (1, 1), GREEN)), 1) == [[150]]  # 0.587 * 255 = 149.7
    assert pixels(reread(Image.new("RGB", (1, 1), (9, 8, 7)), "WEBP", lossless=True), 3) == [[[9, 8, 7]]]


def test_cmyk_jpeg() -> None:
    image = Image.new("CMYK", (32, 16), (255, 0, 0, 0))  # cyan
    image.paste((0, 0, 0, 0), (16, 0, 32, 16))  # paper
    got = np.asarray(convert(reread(image, "JPEG", quality=100), 3)).astype(int)
    assert np.abs(got[:, :12] - (0, 255, 255)).max() <= 3
    assert np.abs(got[:, 20:] - 255).max() <= 3


def test_exif_orientation_six_turns_clockwise(tmp_path: pathlib.Path) -> None:
    image = Image.new("L", (32, 16), 0)
    image.paste(255, (16, 0, 32, 16))  # the right half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: what was left is then at the top
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    with Image.open(tmp_path / "turned.jpg") as stored:
        assert upright_size(stored) == (32, 16)
    source = make_source("folder", path=str(tmp_path), channels=1)
    assert source.image_shape == (32, 16, 1)
    got = source[0]["image"]
    assert got.shape == (32, 16, 1) and got[:12].max() < 10 and got[20:].min() > 245


def test_cover_keeps_the_aspect_ratio_and_crops_the_excess() -> None:
    # Columns 0..7 of 4 rows; covering 2x2 halves it to 2x4, whose middle columns are means of 2, 3 and of 4, 5.
    image = Image.fromarray(np.tile(np.arange(8, dtype=np.uint8) * 10, (4, 1)))
    got = Transform((2, 2), resample="box", channels=1)(image, None, "picture")
    np.testing.assert_array_equal(got[..., 0], [[25, 45], [25, 45]])


def test_stretch_does_not_keep_it() -> None:
    image = Image.fromarray(np.tile(np.arange(8, dtype=np.uint8) * 10, (4, 1)))
    got = Transform((2, 2), resize="stretch", resample="box", channels=1)(image, None, "picture")
    np.testing.assert_array_equal(got[..., 0], [[15, 55], [15, 55]])


def test_not_square_and_enlarged() -> None:
    image = Image.fromarray(np.array([[1, 2], [3, 4]], np.uint8))
    got = Transform((2, 4), resize="stretch", resample="nearest", channels=1)(image, None, "picture")
    np.testing.assert_array_equal(got[..., 0], [[1, 1, 2, 2], [3, 3, 4, 4]])


@pytest.mark.parametrize(("draw", "top", "left"), [(0.0, 0, 0), (0.34, 1, 1), (0.67, 2, 2), (0.999, 2, 3)])
def test_random_crop_places(draw: float, top: int, left: int) -> None:
    image = np.arange(30, dtype=np.uint8).reshape(5, 6)
    transform = Transform((3, 3), resize="none", crop="random", channels=1)
    draws = np.array([0.9, draw, draw])
    got = transform(Image.fromarray(image), draws, "picture")
    np.testing.assert_array_equal(got[..., 0], image[top : top + 3, left : left + 3])


def test_without_a_draw_the_crop_is_central() -> None:
    image = np.arange(35, dtype=np.uint8).reshape(5, 7)
    got = Transform((3, 3), resize="none", crop="random", channels=1)(Image.fromarray(image), None, "picture")
    np.testing.assert_array_equal(got[..., 0], image[1:4, 2:5])


@pytest.mark.parametrize(
    ("size", "draw", "box"),  # height and width; top, left and side drawn; top, left and side expected
    [
        ((40, 60), (0.0, 0.0, 0.0), (0, 0, 35)),  # half of 2,400 pixels is a square of 34.6
        ((40, 60), (0.5, 0.99, 0.0), (3, 25, 35)),
        ((40, 60), (0.5, 0.5, 0.9999), (0, 10, 40)),  # the largest that fits in
        ((60, 40), (0.5, 0.5, 0.5), (12, 2, 37)),
        ((10, 40), (0.9, 0.0, 0.0), (0, 0, 10)),  # no square of half the area fits in
        ((20, 20), (0.0, 0.0, 0.0), (0, 0, 14)),
    ],
)
def test_random_squares_have_half_to_all_of_the_area(size, draw, box) -> None:
    image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    top, left, side = box
    transform = Transform((35, 35), crop="random_square", resample="bilinear", channels=1)
    got = transform(Image.fromarray(image), np.array([0.9, *draw]), "picture")
    cut = Image.fromarray(image[top : top + side, left : left + side])
    np.testing.assert_array_equal(got[..., 0], np.asarray(cut.resize((35, 35), Image.Resampling.BILINEAR)))


def test_random_parts_have_the_form_of_the_size_and_the_centre_is_kept_without_a_draw() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 60), np.uint8)
    transform = Transform((10, 30), crop="random_square", resample="nearest", channels=1)
    # Half of 1,800 pixels, three times as wide as high: 17.3 x 52, of which the widest is 20 x 60.
    got = transform(Image.fromarray(image), np.array([0.9, 0.0, 0.0, 0.9999]), "picture")
    np.testing.assert_array_equal(got[..., 0], image[1:20:2, 1:60:2])
    centre = Transform((10, 30), resample="nearest", channels=1)
    np.testing.assert_array_equal(transform(Image.fromarray(image), None, ""), centre(Image.fromarray(image), None, ""))


def test_load_size_is_resized_before_the_crop() -> None:
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    transform = Transform((6, 6), load_size=(8, 8), resample="nearest", crop="random", channels=1)
    got = transform(Image.fromarray(image), np.array([0.9, 0.0, 0.99]), "picture")
    np.testing.assert_array_equal(got[..., 0], np.kron(image, np.ones((2, 2), np.uint8))[:6, 2:])


def test_bicubic_and_lanczos_are_named_as_pillow_names_them() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8))
    for name, filter_ in (("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)):
        got = Transform((5, 5), resample=name)(image, None, "picture")
        np.testing.assert_array_equal(got, np.asarray(image.resize((5, 5), filter_)))


def test_too_small_for_a_crop() -> None:
    with pytest.raises(DataError, match=r"cat.png is 2x9 .*smaller than image_size 4x4; set data.resize='cover'"):
        Transform((4, 4), resize="none")(Image.new("RGB", (9, 2)), None, "cat.png")
