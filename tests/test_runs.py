"""From Python: training on arrays in memory, and a run's abilities as methods."""

import csv
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan.commands import export, use
from jaxgan.config import named, player
from jaxgan.data import arrays, make_source
from jaxgan.errors import ConfigError, UserError
from jaxgan.mesh import data_mesh
from jaxgan.training import command_line, train
from jaxgan.training.trained import load
from tests import tiny

CLASSES = ("boot", "hat", "shoe")


@pytest.fixture(scope="module")
def shoes():
    stack = make_source("digits", image_size=8).stack(range(48))
    return arrays(stack["image"], stack["label"] % 3, classes=CLASSES)


@pytest.fixture(scope="module")
def run(shoes, tmp_path_factory):
    """A game of three classes that was trained on arrays; whatever the machine has, it has no weights here."""
    config = tiny.conditional()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return jaxgan.train(config, tmp_path_factory.mktemp("run") / "shoes", data=shoes)


def test_what_a_config_says_of_its_own_data_gives_way_to_arrays(run):
    assert run.config.data.name == "memory" and run.config.metrics == ("swd",)
    assert (run.step, run.classes, run.domains) == (10, CLASSES, ())
    assert run.game.players["generator"].network.embedded_classes == 3


def test_the_same_call_goes_on_and_other_data_are_refused(run, shoes):
    again = jaxgan.train(tiny.conditional(), run.workdir, data=shoes)
    assert again.step == run.step
    for mine, other in zip(jax.tree.leaves(again.state.players), jax.tree.leaves(run.state.players), strict=True):
        np.testing.assert_array_equal(mine, other)
    other = arrays(255 - shoes.values["image"], shoes.values["label"], classes=CLASSES)
    with pytest.raises(ConfigError, match="memory: other data lie there than before"):
        jaxgan.train(tiny.conditional(), run.workdir, data=other)
    with pytest.raises(UserError, match="the data lay in memory, and only Python can give them again"):
        train(again.config, run.workdir)


def test_abilities_are_methods_whose_labels_have_names(run):
    with jax.set_mesh(data_mesh()):
        direct = run._trained.snapshot.sample(jax.random.key(3), 5, np.full(5, 2, np.int32))
    np.testing.assert_array_equal(run.sample(5, label="shoe", seed=3), direct)
    np.testing.assert_array_equal(run.sample(number=5, label=2, seed=3), direct)
    np.testing.assert_array_equal(run.use("sample", 5, label=[2] * 5, seed=3), direct)
    mixed = run.sample(3, label=["boot", "shoe", "hat"])
    assert mixed.shape == (3, 8, 8, 1) and mixed.dtype == np.float32
    assert not np.array_equal(run.sample(3, label="boot"), run.sample(3, label="boot", seed=1))
    assert "sample" in dir(run) and "sample" in repr(run) and "draw" in run.sample.__doc__


def test_loading_is_quiet(run, caplog):
    with caplog.at_level("WARNING", logger="absl"):
        jaxgan.load(run.workdir)
    assert not caplog.records


def test_images_are_bytes_or_floats(run, shoes):
    pixels = shoes.values["image"][:4]
    judged = run.judge(pixels, label="hat")
    np.testing.assert_allclose(judged, run.judge(pixels / np.float32(127.5) - 1, label="hat"), rtol=1e-6)


def test_a_number_is_a_number_of_numpy_too(run):
    np.testing.assert_array_equal(run.sample(np.int64(3), label="hat"), run.sample(3, label=["hat"] * 3))


def test_latents_are_of_the_size_that_the_game_draws(run):
    latents = run.latents(3)
    assert run.generate(latents, label="hat").shape == (3, 8, 8, 1)
    for wrong in (latents[:, :-1], latents[0], "latents.npz"):
        with pytest.raises(UserError, match=r"generate: latents are of the shape .*, but must be numbers \(N, 6\)"):
            run.generate(wrong, label="hat")
    with pytest.raises(UserError, match="not finite"):
        run.generate(np.full((1, 6), np.inf), label="hat")


GREY = np.zeros((2, 8, 8, 1), np.float32)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (
            np.zeros((2, 9, 8, 1), np.float32),
            r"judge: images are of the shape \(2, 9, 8, 1\) .* must be \(N, 8, 8, 1\)",
        ),
        (np.zeros((2, 8, 8, 3), np.uint8), r"of the shape \(2, 8, 8, 3\)"),
        (GREY[0], r"of the shape \(8, 8, 1\)"),
        (GREY[:0], r"of the shape \(0, 8, 8, 1\)"),
        ("a folder", r"of the shape \(\)"),
        ([GREY[0], GREY[0, :4]], "judge: images are of several shapes"),
        (GREY.astype(int), "dtype int64, but must be uint8, or floats"),
        (GREY + 255, r"judge: images reach 255, but must be uint8, or floats in \[-1, 1\]"),
        (GREY * np.nan, "judge: images hold a number that is not finite"),
    ],
)
def test_images_that_the_networks_cannot_take_or_would_take_for_others_are_refused(run, images, words):
    with pytest.raises(UserError, match=words):
        run.judge(images, label="hat")


def test_networks_are_functions(run):
    nets = run.networks
    assert nets.generator(np.zeros((2, 6), np.float32), np.zeros(2, np.int32)).shape == (2, 8, 8, 1)


def test_networks_make_of_latents_what_generate_makes_of_them_however_many_there_are(run, tmp_path):
    export.main([f"--workdir={run.workdir}", f"--output={tmp_path / 'x.safetensors'}"])
    latents, label = run.latents(5, seed=2), np.arange(5, dtype=np.int32) % 3
    wanted = run.generate(latents, label=label)
    assert np.ptp(wanted, axis=0).max() > 0.01
    for each in (run, jaxgan.load(tmp_path / "x.safetensors")):
        for number in (1, 5):
            made = each.networks.generator(latents[:number], label[:number])
            np.testing.assert_allclose(made, wanted[:number], atol=1e-5)


def test_the_latents_of_a_seed_are_those_of_its_samples(run):
    """Drawn by one rule, with labels as without."""
    for number in (1, 4):
        made = run.generate(run.latents(number, seed=5), label="hat", seed=5)
        np.testing.assert_allclose(run.sample(number, label="hat", seed=5), made, atol=1e-6)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda run: run.use("smaple", 3), "this game cannot smaple: did you mean 'sample'"),
        (lambda run: run.sample(3, label="boat"), "there is no such class: did you mean 'boot'"),
        (lambda run: run.sample(3, lable="boot"), "sample takes no lable: did you mean 'label'"),
        (lambda run: run.sample(3, "boot", 1.0, 2, 3, 4), "sample takes number, label.*, but was given 6 values"),
        (lambda run: run.sample(0), "number"),
        (lambda run: run.sample(2.5, label="hat"), "number=2.5, but it must be an integer"),
        (lambda run: run.sample(-1, label="hat"), "number=-1: ask for at least 1"),
        (lambda run: run.sample(3, label=2.5), "^label=2.5: there is no such class"),
        (lambda run: run.sample(3, label=-1), "^label=-1: the classes are 0 to 2"),
        (
            lambda run: run.sample(3, seed="one"),
            "^sample: seed='one', but it must be an integer of at least 0 and below",
        ),
        (lambda run: run.sample(3, seed=1.0), r"seed=1\.0, but it must be an integer"),
        (lambda run: run.sample(3, seed=-1), "seed=-1, but it must be .* at least 0"),
        (lambda run: run.sample(3, seed=2**32), r"seed=4294967296, but it must be .* below 2\*\*32"),
        (lambda run: run.sample(3, truncation="much"), "truncation=much, but it must be a number"),
    ],
)
def test_what_cannot_be_asked_is_said(run, ask, message):
    with pytest.raises(UserError, match=message):
        ask(run)
    with pytest.raises(AttributeError, match="this run has no 'translate'; its game can "):
        run.translate  # noqa: B018


def test_categories_that_a_game_finds_itself_do_not_bear_the_names_of_the_data(shoes, tmp_path, capsys):
    config = tiny.dcgan()
    config.system, config.game = "infogan", {"latent_size": 4, "categories": len(CLASSES)}
    config.players.generator = player(named("MLPGenerator", hidden=(8,)), named("sgd", learning_rate=0.1))
    config.players.discriminator = player(named("MLPDiscriminator", hidden=(8,)), named("sgd", learning_rate=0.1))
    config.players.code_head = player(named("CodeHead", width=8), named("sgd", learning_rate=0.1))
    config.metrics, config.steps = (), 1
    run = jaxgan.train(config, tmp_path / "run", data=shoes)
    assert run.classes == CLASSES and run.sample(3, label=[0, 1, 2]).shape == (3, 8, 8, 1)
    with pytest.raises(UserError, match="label=boot: the classes are 0 to 2"):
        run.sample(3, label="boot")
    (tmp_path / "pictures").mkdir()
    Image.fromarray(shoes.values["image"][0, :, :, 0]).save(tmp_path / "pictures" / "0.png")
    capsys.readouterr()
    assert use.main("cluster", [f"--workdir={run.workdir}", f"--input={tmp_path / 'pictures'}"]) == 0
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert rows[0] == ["name", "class", "probability"] and rows[1][1] in ("0", "1", "2")


def test_a_config_needs_a_name_or_a_folder(shoes):
    with pytest.raises(UserError, match="this config has no name to call its folder by: give workdir"):
        jaxgan.train(tiny.conditional(), data=shoes)
    with pytest.raises(AttributeError, match="module 'jaxgan' has no attribute 'laod'"):
        jaxgan.laod  # noqa: B018


def test_a_domain_is_called_by_its_name(tmp_path, capsys):
    config = tiny.cyclegan()
    config.steps = config.sample_every = config.evaluate_every = 1
    config.metrics = ()
    train(config, tmp_path / "run")
    assert "domains: a digits, b inverted\n" in "".join(capsys.readouterr())
    run = jaxgan.load(tmp_path / "run")
    images = make_source("digits", image_size=8).stack(range(3))["image"]
    there = run.translate(images, target="inverted")
    np.testing.assert_array_equal(there, run.translate(images, target="b"))
    assert there.shape == (3, 8, 8, 1) and run.domains == ("digits", "inverted")
    with jax.set_mesh(data_mesh()):
        direct = load(tmp_path / "run").snapshot.use(
            "translate", jax.random.key(0), images=images / np.float32(127.5) - 1, target="b"
        )
    np.testing.assert_allclose(there, direct, atol=1e-6)
    wide = make_source("digits", image_size=(8, 12)).stack(range(2))["image"]
    assert run.translate(wide).shape == (2, 8, 12, 1)
    for given, more, message in (
        (images[:0], {}, r"must be \(N, H, W, 1\): give at least one, of a pixel and more"),
        (images[0], {}, r"translate: images are of the shape \(8, 8, 1\) .* but must be \(N, H, W, 1\)"),
        (images[..., 0], {}, r"are of the shape \(3, 8, 8\)"),
        (np.repeat(images, 3, axis=-1), {}, r"are of the shape \(3, 8, 8, 3\)"),
        (images.astype(np.float32), {}, r"images reach 255, but must be uint8, or floats in \[-1, 1\]"),
        (images.astype(np.int64), {}, "dtype int64, but must be uint8"),
        (np.full((1, 8, 8, 1), np.nan), {}, "hold a number that is not finite"),
        (images, {"source": "inverted"}, "source and target are both 'inverted'"),
        (images, {"target": ["digits", "inverted"]}, "is no name of a domain: give one, and ask once for each"),
        (images, {"strength": 1.0}, "translate takes no strength"),
    ):
        with pytest.raises(UserError, match=message):
            run.translate(given, **({"target": "inverted"} | more))


def test_importing_the_library_imports_none_of_it():
    program = "import sys, jaxgan; assert not {'jax', 'numpy'} & set(sys.modules); jaxgan.__version__"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert command_line.default_workdir("configs/dcgan.py:paper") == "runs/dcgan-paper"
