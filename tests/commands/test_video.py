"""python -m jaxgan video: each frame holds the images of the points on the way, by closed form; GIF and MP4 hold the frames."""

import argparse
import importlib.util
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.commands import listing, video
from jaxgan.commands.options import Names
from jaxgan.core import ArraySpec
from jaxgan.core.snapshot import CompiledGame
from jaxgan.errors import UserError
from jaxgan.mesh import data_mesh
from jaxgan.pictures import to_uint8
from jaxgan.pictures.video import check_video, save_video
from jaxgan.training.trained import load
from tests.explorer.test_answers import columns
from tests.parts.test_styles import SLOTS, batch, game

CELL = 8 * 16 + 2  # images of 8x8 are enlarged to 128


def cells(frame):
    """The images of a frame (rows, columns, 8, 8)."""
    pixels = np.asarray(frame)[2:, 2:]
    rows, across = pixels.shape[0] // CELL, pixels.shape[1] // CELL
    return pixels.reshape(rows, CELL, across, CELL)[:, :128:16, :, :128:16].transpose(0, 2, 1, 3)


def same(cell, image):
    np.testing.assert_allclose(cell.astype(int), to_uint8(np.asarray(image))[..., 0], atol=1)


def options(**given):
    return argparse.Namespace(**{"seeds": "0-1", "frames": 2, "styles": None, "label": None} | given)


@pytest.fixture(scope="module")
def styled():
    """A game of styles, w = 2 z + 1, whose images hold the style of slot s in columns 2 s and 2 s + 1; and (seed) -> w."""
    with jax.set_mesh(data_mesh()):
        made = game(mixing=0.0)
        arrays = {"image": ArraySpec((8, 8, 1), "float32", "image")}
        snapshot = CompiledGame(made, data_mesh(), arrays, 8, 0).at(made.init(jax.random.key(0), batch()), 0)
        yield snapshot, lambda seed: 2 * snapshot.use("latents", jax.random.key(seed), number=1)[0] + 1


def test_styles_walk_straight_and_back(styled):
    snapshot, w = styled
    walk = video.Walk(snapshot, Names(), options(seeds="3,1", frames=4))
    frames = list(walk.frames())
    assert len(frames) == walk.number == 8 and walk.name == "seeds3,1-frames4"
    for index, frame in enumerate(frames):
        share = index / 4 if index < 4 else 2 - index / 4
        same(cells(frame)[0, 0], columns(*[(1 - share) * w(3) + share * w(1)] * SLOTS))


def test_coarse_styles_walk_and_fine_ones_stay(styled):
    snapshot, w = styled
    (first, *_) = video.Walk(snapshot, Names(), options(styles="5-6")).frames()
    table = cells(first)
    assert table.shape == (2, 3, 8, 8)
    for index, seed in enumerate((5, 6), start=1):
        same(table[0, index], columns(*[w(seed)] * SLOTS))
        same(table[1, index], columns(w(0), w(0), w(seed), w(seed)))
    same(table[1, 0], columns(*[w(0)] * SLOTS))


def test_classes_stand_side_by_side(runs):
    with jax.set_mesh(data_mesh()):
        snapshot = load(runs("conditional")[0]).snapshot
        names = Names(snapshot.classes("generate"))
        (frame, *_) = video.Walk(snapshot, names, options(seeds="4,9")).frames()
        (alone, *_) = video.Walk(snapshot, names, options(seeds="4,9", label="7")).frames()
        z = snapshot.use("latents", jax.random.key(4), number=1)
        expected = snapshot.use("generate", jax.random.key(0), latents=z.repeat(10, axis=0), label=np.arange(10))
    row = cells(frame)
    assert row.shape == (1, 10, 8, 8)
    for cell, image in zip(row[0], expected, strict=True):
        same(cell, image)
    same(cells(alone)[0, 0], expected[7])


def test_the_command_writes_a_gif_beside_the_run(runs, tmp_path, capsys):
    folder, _ = runs("dcgan")
    listing.main(["video", f"--workdir={folder}", "--trust", "--seeds=0-2", "--frames=3"])
    assert "\n9 frames of step 30: " in "\n" + capsys.readouterr().out
    (made,) = (folder / "generated").glob("video-step*-seeds0-2-frames3.gif")
    with Image.open(made) as animation:
        assert animation.n_frames == 9 and animation.size == (CELL + 2, CELL + 2) and animation.info["duration"] == 40


def movie(number=12, size=(37, 22)):
    """Frames that grow from dark to light, of odd sides, red on the left and blue on the right."""
    frames = []
    for index in range(number):
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        pixels[:, : size[0] // 2, 0] = pixels[:, size[0] // 2 :, 2] = 60 + 15 * index
        frames.append(Image.fromarray(pixels))
    return frames


def read_back(path):
    """The frames of an MP4, (N, H, W, 3), by PyAV."""
    av = pytest.importorskip("av", reason="PyAV is not installed: pip install '.[video]'")
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].average_rate) == 25
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("by", ["ffmpeg", "av"])
def test_mp4_holds_the_frames(by, tmp_path, monkeypatch):
    if by == "ffmpeg" and not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    if by == "av":
        pytest.importorskip("av", reason="PyAV is not installed: pip install '.[video]'")
        monkeypatch.setattr(shutil, "which", lambda _: None)
    check_video("output", tmp_path / "a.mp4")
    save_video(movie(), tmp_path / "a.mp4")
    frames = read_back(tmp_path / "a.mp4").astype(int)
    assert frames.shape == (12, 22, 38, 3)  # an odd side is filled up
    for index, frame in enumerate(frames):
        level = 60 + 15 * index
        assert abs(frame[:, 4:12, 0].mean() - level) < 8 and abs(frame[:, 26:34, 2].mean() - level) < 8
        assert frame[:, 26:34, 0].mean() < 12 and frame[:, 4:12, 2].mean() < 12
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_without_a_writer_mp4_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=r"MP4 needs ffmpeg, or pip install av; or give a name that ends in \.gif"
    ) as error:
        check_video("output", tmp_path / "a.mp4")
    assert "\n" not in str(error.value)
    check_video("output", tmp_path / "a.gif")


def test_what_ffmpeg_says_is_told(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho 'no such\ncodec' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(program))
    with pytest.raises(UserError, match=r"ffmpeg cannot write MP4 \(no such codec\)"):
        save_video(movie(2), tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(
    ("variant", "arguments", "message"),
    [
        ("cyclegan", [], "has no latents to walk through"),
        ("ring8", [], "the samples of this run are vectors"),
        ("dcgan", ["--seeds=3"], "names one latent, and a walk needs two"),
        ("dcgan", ["--seeds=a"], "is neither a seed nor a range"),
        ("dcgan", ["--frames=0"], "--frames=0, but it must be from 1 to 1000"),
        ("dcgan", ["--frames=1001"], "from 1 to 1000"),
        ("dcgan", ["--seeds=0-9999", "--frames=100"], "ask for 1000000 frames .* ask for at most 32768"),
        ("dcgan", ["--styles=1-2"], "--styles is for games that map latents to styles"),
        ("dcgan", ["--styles=2-1"], "--styles=2-1: 2-1 runs backwards"),
        ("dcgan", ["--label=3"], "takes no --label"),
        ("conditional", ["--label=10"], "the classes are 0 to 9"),
        ("dcgan", ["--output=a.avi"], "--output=a.avi ends in neither .gif nor .mp4: rename it"),
        ("dcgan", ["--output=."], "exists already"),
    ],
)
def test_what_makes_no_video(variant, arguments, message, runs):
    with pytest.raises(UserError, match=message) as error:
        listing.main(["video", f"--workdir={runs(variant)[0]}", "--trust", *arguments])
    assert "\n" not in str(error.value)
