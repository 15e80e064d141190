"""PNGs of every kind of colour, depth and transparency, written bit by bit, against white laid under them by numpy."""

import pathlib
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import make_source
from jaxgan.data.transform import convert
from jaxgan.foreign import open_picture

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6  # the colour types of the format
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def write_png(path: pathlib.Path, values: np.ndarray, depth: int, kind: int, **chunks: bytes) -> None:
    """Writes (H, W, samples) numbers of `depth` bits, and chunks such as tRNS."""

    def chunk(name: str, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + name.encode()
            + content
            + struct.pack(">I", zlib.crc32(name.encode() + content))
        )

    bits = (values[..., None] >> np.arange(depth - 1, -1, -1)) & 1  # the highest first
    rows = np.packbits(bits.reshape(len(values), -1).astype(np.uint8), axis=1)
    lines = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", values.shape[1], len(values), depth, kind, 0, 0, 0)
    beside = b"".join(chunk(name, content) for name, content in chunks.items())
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + beside + chunk("IDAT", lines) + chunk("IEND", b""))


def sixteen(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def check(path: pathlib.Path, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Compares the picture in all numbers of channels: colours (H, W, 1 or 3) in [0, 255] of opacity (H, W, 1) in [0, 1]."""
    with open_picture(str(path)) as picture:
        got = np.asarray(convert(picture, 3)).astype(float)
    with open_picture(str(path)) as picture:
        grey = np.asarray(convert(picture, 1)).astype(float)
    with open_picture(str(path)) as picture:
        kept = np.asarray(convert(picture, 4)).astype(float)
    wide = np.broadcast_to(colour, (*colour.shape[:2], 3)).astype(float)
    expected = wide * alpha + 255 * (1 - alpha)
    whole = np.isin(alpha, (0, 1)).all()  # what is half transparent is rounded, by Pillow not always to the nearest
    np.testing.assert_allclose(got, expected, rtol=0, atol=0 if whole else 1)
    np.testing.assert_allclose(grey, expected @ (0.299, 0.587, 0.114), rtol=0, atol=0.51 if whole else 1.51)
    np.testing.assert_allclose(kept, np.concatenate([wide, 255 * alpha], axis=2), rtol=0, atol=0.01)


@pytest.mark.parametrize("clear", [None, 0, -1, 1])  # opaque, black, white, the darkest grey but black
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_of_every_depth(tmp_path: pathlib.Path, depth: int, clear: int | None) -> None:
    most = 2**depth - 1
    step = 1 if depth < 16 else 51  # most of the 65,536
    values = np.arange(0, most + 1, step)[None, :, None]
    if depth == 16:  # greys that become one grey of 8 bits are still told apart
        values = np.concatenate([values, [[[1], [2], [65534]]]], axis=1)
    colour = np.round(values * (255 / most))
    if clear is None:
        write_png(tmp_path / "a.png", values, depth, GREY)
        alpha = np.ones_like(values)
    else:
        clear %= most + 1
        write_png(tmp_path / "a.png", values, depth, GREY, tRNS=sixteen(clear))
        alpha = (values != clear).astype(int)
        assert not alpha.all()
    check(tmp_path / "a.png", colour, alpha)


@pytest.mark.parametrize("clear", [None, (0, 0, 0), (1, 2, 3), (0, 0, 2), (255, 255, 255)])
@pytest.mark.parametrize("depth", [8, 16])
def test_colour(tmp_path: pathlib.Path, depth: int, clear: tuple[int, int, int] | None) -> None:
    values = np.array([[(0, 0, 0), (1, 2, 3), (3, 2, 1), (0, 0, 2), (255, 255, 255), (255, 0, 0)]])
    scale = 257 if depth == 16 else 1
    chunks = {} if clear is None else {"tRNS": sixteen(*(scale * each for each in clear))}
    write_png(tmp_path / "a.png", values * scale, depth, RGB, **chunks)
    alpha = np.ones((1, 6, 1)) if clear is None else (values != clear).any(axis=2, keepdims=True)
    assert clear is None or (alpha == 0).sum() == 1
    check(tmp_path / "a.png", values, alpha)


@pytest.mark.parametrize("alphas", [None, b"\x00", b"\xff\x00", b"\x80\xff\x00\x40"])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes(tmp_path: pathlib.Path, depth: int, alphas: bytes | None) -> None:
    colours = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [0, 0, 200]])[: 2**depth]
    alphas = None if alphas is None else alphas[: len(colours)]
    values = np.arange(len(colours))[None, :, None]
    chunks = {"PLTE": colours.astype(np.uint8).tobytes()} | ({} if alphas is None else {"tRNS": alphas})
    write_png(tmp_path / "a.png", values, depth, PALETTE, **chunks)
    opacity = np.full(len(colours), 255)  # of entries that tRNS does not reach
    if alphas is not None:
        opacity[: len(alphas)] = list(alphas)
    check(tmp_path / "a.png", colours[None], opacity[None, :, None] / 255)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", [GREY_ALPHA, RGBA])
def test_alpha(tmp_path: pathlib.Path, kind: int, depth: int) -> None:
    random = np.random.default_rng(0)
    values = random.integers(0, 256, (3, 20, SAMPLES[kind]))
    values[0, :5, -1], values[1, :5, -1] = 0, 255
    write_png(tmp_path / "a.png", values * (257 if depth == 16 else 1), depth, kind)
    check(tmp_path / "a.png", values[..., :-1], values[..., -1:] / 255)


@pytest.mark.parametrize("kind", [RGB, GREY_ALPHA, RGBA])
def test_sixteen_bit_colour_keeps_its_high_byte(tmp_path: pathlib.Path, kind: int) -> None:
    wide = np.array([0, 255, 256, 32767, 32768, 65279, 65535])[None, :, None]
    values = np.repeat(wide, SAMPLES[kind], axis=2)
    if kind != RGB:
        values[..., -1] = 65535  # opaque
    write_png(tmp_path / "wide.png", values, 16, kind)
    read = make_source("folder", path=str(tmp_path))[0]["image"]
    np.testing.assert_array_equal(read, np.repeat(wide >> 8, 3, axis=2))


def test_kinds_that_only_other_programs_hand_over() -> None:
    """Modes that these files never have, but a source of one's own may."""
    colour, alpha = np.array([[10, 200, 90]], np.uint8), np.array([[255, 0, 255]], np.uint8)
    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "L").convert("P")
    palette.putpalette([each for value in colour[0] for each in (value, value, value)])
    both = Image.merge("PA", (palette, Image.fromarray(alpha)))
    assert np.asarray(convert(both, 1)).tolist() == [[10, 255, 90]]
    integers = Image.fromarray(colour.astype(np.int32) * 257)
    integers.info["transparency"] = 200 * 257
    assert integers.mode == "I" and np.asarray(convert(integers, 1)).tolist() == [[10, 255, 90]]
    cyan = Image.new("CMYK", (1, 1), (255, 0, 0, 0))
    assert np.asarray(convert(cyan, 3)).tolist() == [[[0, 255, 255]]]


def test_transparent_pictures_of_a_folder(tmp_path: pathlib.Path) -> None:
    """Turned, resized and cropped ones too: white is laid under them before they are resized."""
    values = np.full((8, 8, 1), 2)
    values[:, 4:] = 1
    write_png(tmp_path / "a.png", values, 2, GREY, tRNS=sixteen(1))
    read = make_source("folder", path=str(tmp_path), image_size=4, channels=1, resample="box")[0]["image"]
    assert read[..., 0].tolist() == [[170, 170, 255, 255]] * 4
