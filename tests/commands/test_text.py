"""Pictures that are asked for by text, or by embeddings, from a stored run alone."""

import re

import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import pictures
from jaxgan.commands import use
from jaxgan.config import default, named, player
from jaxgan.core.text import decode, encode
from jaxgan.data import make_source
from jaxgan.errors import UserError
from jaxgan.training import train
from tests.gans import tiny_players


def tiny(encoders: bool):
    """A config of two steps of StackGAN++, one of them of its encoders if it has some."""
    config = default()
    config.system = "stackgan_v2"
    config.game = {"latent_size": 3, "condition_size": 3, "text_steps": 1}
    sgd = named("sgd", learning_rate=0.1)
    config.players.generator = player(named(f"{tiny_players.__name__}:Writer"), sgd)
    config.players.discriminator = {
        level: player(named(f"{tiny_players.__name__}:Reader"), sgd) for level in ("level_0", "level_1")
    }
    for name in ("text_encoder", "image_encoder") if encoders else ():
        config.players[name] = player(named(f"{tiny_players.__name__}:Embedder"), sgd)
    config.batch_size, config.steps, config.statistics_batches, config.metrics = 16, 2, 0, ()
    config.checkpoint_every = config.sample_every = 2
    return config


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A run that is asked by text."""
    folder, config = tmp_path_factory.mktemp("text") / "run", tiny(encoders=True)
    config.data.name, config.data.split, config.data.image_size = "captions", "test", 8
    train(config, folder)
    return folder


def sample(folder, output, *more):
    arguments = [f"--workdir={folder}", "--trust", f"--output={output}", *more]
    assert use.main("sample", arguments) == 0
    with np.load(output) as found:
        return found["image"]


def test_a_text_is_what_pictures_are_made_of(asked, tmp_path):
    one, two = "a thick orange eight on blue", "a thin red one on black"
    made = sample(asked, tmp_path / "1.npz", f"--text={one}", "--num=6")
    assert made.shape == (6, 8, 8, 3) and made.dtype == np.uint8
    np.testing.assert_array_equal(
        made, sample(asked, tmp_path / "2.npz", "--text=A thick  ORANGE eight on blue", "--num=6")
    )
    other = sample(asked, tmp_path / "3.npz", f"--text={two}", "--num=6")
    assert (made != other).any()
    # Several are asked for in turn, of the same noise as before.
    mixed = sample(asked, tmp_path / "4.npz", f"--text={one}", f"--text={two}", "--num=6")
    np.testing.assert_array_equal(mixed[::2], made[::2])
    np.testing.assert_array_equal(mixed[1::2], other[1::2])
    # A smaller size is shown at the full one, pixel by pixel.
    small = sample(asked, tmp_path / "5.npz", f"--text={one}", "--num=6", "--level=level_0")
    np.testing.assert_array_equal(small[:, ::2].repeat(2, axis=1), small)
    assert sample(asked, tmp_path / "6.npz", "--num=6").shape == made.shape  # nothing asked: captions that it has seen


def test_python_asks_with_the_same_sentences(asked, tmp_path):
    one, two = "a thick orange eight on blue", "a thin red one on black"
    run, command = jaxgan.load(asked, trust=True), sample(asked, tmp_path / "1.npz", f"--text={one}", "--num=6")
    made = run.sample(6, text=one)
    np.testing.assert_array_equal(pictures.to_uint8(made), command)
    length = run._trained.plan.arrays["caption"].shape[-1]
    numbers = np.stack([encode(one, length, "mine")] * 6)
    np.testing.assert_array_equal(run.sample(6, text=numbers), made)
    mixed = run.sample(6, text=[one, two] * 3)
    np.testing.assert_array_equal(mixed[::2], made[::2])
    np.testing.assert_array_equal(mixed[1::2], run.sample(6, text=two)[1::2])
    np.testing.assert_allclose(run.judge(made, text=one)[0], run.judge(made[:1], text=[one])[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "^text='' is empty: write what the picture shows"),
        (["a one", " "], "^text=' ' is empty"),
        ("a \u0436", "cyrillic small letter zhe"),
        (8, "sample: text=8, but it must be a text, or one for each image"),
        ([], r"sample: text=\[\], but it must be a text"),
        (b"a one", "but it must be a text"),
        (["a one"] * 3, "sample: text has 3 entries, but there are 2 images to make"),
    ],
)
def test_what_python_gives_for_text_and_is_none_is_said(asked, text, words):
    with pytest.raises(UserError, match=words):
        jaxgan.load(asked, trust=True).sample(2, text=text)


def test_the_default_output_is_called_by_its_text(asked, capsys):
    for text in ("a/../b: eight!", "a/../b: eight?"):
        assert use.main("sample", [f"--workdir={asked}", "--trust", "--num=1", f"--text={text}"]) == 0
    paths = re.findall(r"generated/(\S+)\.png", capsys.readouterr().out)
    assert len(set(paths)) == 2 and all(
        re.fullmatch(r"step2-num1-seed0-text_a_b_eight_[0-9a-f]{8}", path) for path in paths
    )


def test_pictures_are_judged_beside_texts(asked, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    records = make_source("captions", split="test", image_size=8)
    for index in range(3):
        Image.fromarray(records[index]["image"]).save(folder / f"{index}.png")
    arguments = [f"--workdir={asked}", "--trust", f"--input={folder}"]
    assert (
        use.main("judge", [*arguments, *(f"--text={decode(records[index]['caption'][0])}" for index in range(3))]) == 0
    )
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "name,score" and [row.split(",")[0] for row in rows[1:4]] == ["0.png", "1.png", "2.png"]
    with pytest.raises(UserError, match="the following arguments are required: --text"):
        use.main("judge", arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "--text='' is empty: write what the picture shows"),
        ("восемь", r"--text='\\u0432.*' has a character that is not read, cyrillic small letter ve: write English"),
        ("eight \u263a", "has a character that is not read, white smiling face"),
        ("very " * 20, "has 99 characters, but at most 80 are read: shorten it"),
    ],
)
def test_texts_that_cannot_be_read_are_refused_in_a_line(asked, tmp_path, text, words):
    with pytest.raises(UserError, match=words) as raised:
        sample(asked, tmp_path / "it.npz", f"--text={text}")
    assert "\n" not in str(raised.value)


def test_rows_of_the_runs_picture_are_texts_of_the_data(asked):
    with Image.open(asked / "samples" / "step_0000002.png") as frame, Image.open(asked / "real_and_fake.png") as both:
        assert frame.width > 8 * 48 + 200  # eight pictures behind a sentence
        assert both.width > frame.width and both.height >= frame.height


def test_embeddings_are_an_array_of_any_encoder(tmp_path):
    pictures, values = tmp_path / "pictures", np.random.default_rng(0).normal(size=(20, 2, 6)).astype(np.float32)
    pictures.mkdir()
    for index in range(20):
        Image.new("RGB", (8, 8), (12 * index, 100, 50)).save(pictures / f"{index:02}.png")
    np.savez(tmp_path / "embedded.npz", embedding=values)
    config = tiny(encoders=False)
    config.data.name, config.data.path, config.data.text = "folder", str(pictures), str(tmp_path / "embedded.npz")
    train(config, tmp_path / "run")
    np.savez(tmp_path / "two.npz", embedding=values[:2, 0])
    made = sample(tmp_path / "run", tmp_path / "1.npz", f"--embedding={tmp_path / 'two.npz'}", "--num=4")
    assert made.shape == (4, 8, 8, 3) and (made[0] != made[1]).any()
    np.savez(tmp_path / "short.npz", embedding=np.ones((2, 5), np.float32))
    with pytest.raises(UserError, match=r"holds embedding \(2, 5\); expected an array embedding \(N, 6\)"):
        sample(tmp_path / "run", tmp_path / "2.npz", f"--embedding={tmp_path / 'short.npz'}")
    with pytest.raises(UserError, match=r"takes no --text"):
        sample(tmp_path / "run", tmp_path / "2.npz", "--text=eight")
