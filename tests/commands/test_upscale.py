"""python -m jaxgan.upscale: pictures of any size, by a run that knows small crops alone."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import upscale
from jaxgan.config import default, named, player
from jaxgan.core.tiling import Tiling
from jaxgan.errors import UserError
from jaxgan.foreign import MAX_PIXELS
from jaxgan.training import train

REACH = 2


class Blur(nn.Module):
    """A game's generator: each pixel, and a hundredth of those around it, becomes a block of four; no parameter moves it."""

    output_shape: tuple | None = None
    scale_factor: int = 0

    reach = REACH

    @nn.compact
    def __call__(self, x):
        zero = self.param("w", nn.initializers.zeros, ())
        around = jnp.pad(x, ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0)))
        height, width = x.shape[1:3]
        steps = range(2 * REACH + 1)
        x = x + 0.01 * sum(around[:, i : i + height, j : j + width] for i in steps for j in steps) + zero
        return jnp.repeat(jnp.repeat(x, self.scale_factor, axis=1), self.scale_factor, axis=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of one step."""
    config = default()
    config.system, config.game = "srgan", {"pretraining_steps": 1}
    sgd = named("sgd", learning_rate=1e-9)
    config.players.generator = player(named(f"{__name__}:Blur"), sgd)
    config.players.discriminator = player(named("SRGANDiscriminator", widths=(2,), units=2, norm="none"), sgd)
    config.players.classifier = player(named("ContentClassifier", widths=(2,)), sgd)
    config.data.update({"name": "photos", "path": "flower", "image_size": 8, "crop": "random", "scale_factor": 2})
    config.batch_size, config.steps, config.metrics = 8, 1, ()
    path = tmp_path_factory.mktemp("runs") / "srgan"
    train(config, path)
    return path


def enlarged(pixels):
    """What `Blur` makes of a picture uint8 (H, W, 3), whole."""
    x = pixels.astype(np.float32) / 127.5 - 1
    around = np.pad(x, ((REACH, REACH), (REACH, REACH), (0, 0)))
    height, width = x.shape[:2]
    x = x + 0.01 * sum(around[i : i + height, j : j + width] for i in range(5) for j in range(5))
    return np.clip((x + 1) * 127.5, 0, 255).repeat(2, axis=0).repeat(2, axis=1)


def run(folder, source, output, *arguments):
    return upscale.main(["--trust", f"--workdir={folder}", f"--input={source}", f"--output={output}", *arguments])


def test_pictures_of_any_size_keep_their_names_and_become_twice_as_large(folder, tmp_path, capsys):
    random, pictures = np.random.default_rng(0), {}
    side = Tiling(2, REACH).side
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, size in (("tiny.png", (1, 3)), ("deep/wide.png", (5, 2 * side + 9)), ("large.png", (side + 1, 2 * side))):
        pictures[name] = random.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pictures[name]).save(tmp_path / "in" / name)
    Image.new("L", (4, 6), 100).save(tmp_path / "in" / "grey.jpg")
    assert run(folder, tmp_path / "in", tmp_path / "out") == 0
    assert "4 of 4 images upscaled with step 1" in capsys.readouterr().out
    for name, pixels in pictures.items():
        with Image.open(tmp_path / "out" / name) as image:
            found = np.asarray(image, np.float32)
        assert found.shape == (2 * pixels.shape[0], 2 * pixels.shape[1], 3)
        assert abs(found - enlarged(pixels)).max() <= 0.51  # rounding to whole levels, seams and all
    with Image.open(tmp_path / "out" / "grey.png") as image:
        assert image.size == (8, 12) and image.mode == "RGB"


def test_what_cannot_be_enlarged_is_named_in_one_line(folder, tmp_path, capsys, runs):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    wide = MAX_PIXELS // 4 + 1  # with one row it may be read, but not become twice as large on each side
    Image.new("1", (wide, 1)).save(tmp_path / "in" / "long.png")
    Image.new("RGB", (2, 2)).save(tmp_path / "in" / "small.png")
    assert run(folder, tmp_path / "in", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert "1 of 3 images upscaled" in captured.out
    (broken, long) = captured.err.strip().splitlines()
    assert "broken.png cannot be read" in broken and f"{2 * wide} x 2 pixels are more than" in long
    for output, error in ((tmp_path / "out", "exists already"), (tmp_path / "new", "no such file|does not exist")):
        with pytest.raises(UserError, match=error):
            run(folder, tmp_path / ("in" if output.name == "out" else "missing"), output)
    with pytest.raises(UserError, match="cannot upscale: choose one of"):
        run(runs("dcgan")[0], tmp_path / "in", tmp_path / "new")
