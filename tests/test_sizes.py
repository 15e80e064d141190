"""The variants for pictures of one's own: every one takes a folder of them by its path alone."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import sizes
from jaxgan.data import make_source
from jaxgan.errors import UserError
from jaxgan.evaluation import monitored
from jaxgan.training import command_line, train
from jaxgan.training.plan import plan_without_data
from tests.marks import some_long
from tests.test_configs import MODULES

CASES = [(name, variant) for name in sizes.SYSTEMS for variant in sizes.VARIANTS]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Where a system's pictures lie: 160 of 40x36 pixels for each, in the folders that it needs."""
    root, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)

    def pictures(folder, number):
        folder.mkdir(parents=True)
        for index in range(number):
            Image.fromarray(random.integers(0, 256, (36, 40, 3), np.uint8)).save(folder / f"{index}.png")

    pictures(root / "flat", 160)
    for name in ("cat", "dog"):
        pictures(root / "classes" / name, 80)
    for side in "AB":
        pictures(root / "two" / f"train{side}", 160)
    places = {"biggan_like": "classes", "pix2pix": "two", "cyclegan": "two"}
    return lambda name: root / places.get(name, "flat")


def config_of(name, variant, path, **fields):
    """As `train.py --config=configs/NAME.py:VARIANT --config.data.path=PATH` has it."""
    given = [f"--config.{field}={value}" for field, value in fields.items()]
    return command_line.read_config(
        [f"--config=configs/{name}.py:{variant}", f"--config.data.path={path}", *given]
    ).config


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_a_path_is_all_that_is_asked_for(name, variant, photos):
    """The plan is of the pictures that are there, at the size that the variant is called by."""
    plan = plan_without_data(config_of(name, variant, photos(name)))
    assert not plan.assumed
    assert monitored.choose(plan.config, plan.compiled, make_source(plan.config.data)).metrics
    size = int(variant[3:])
    images = [spec.shape for spec in plan.arrays.values() if spec.kind == "image"]
    assert images and set(images) == {(size, size, 3)}
    assert plan.domains == (("A", "B") if name in ("pix2pix", "cyclegan") else ())
    plan.abstract_state()


@pytest.mark.parametrize("name", sizes.SYSTEMS)
def test_steps_end_the_run_and_decays_end_with_it(name):
    for variant in sizes.VARIANTS:
        config = MODULES[name].get_config(variant)
        assert config.steps > 0 and config.images == 0
        if name == "r3gan" and variant != "cpu32":  # its optimiser counts updates for itself
            assert {each.optimizer.updates for each in config.players.values()} == {config.steps}


@pytest.mark.parametrize(
    ("name", "data"),
    [("dcgan", "digits"), ("dcgan", "photos"), ("biggan_like", "digits"), ("cyclegan", "digits_translation")],
)
def test_embedded_pictures_come_at_the_size(name, data):
    config = command_line.read_config([f"--config=configs/{name}.py:cpu32", f"--config.data.name={data}"]).config
    plan = plan_without_data(config)
    sides = {spec.shape[:2] for spec in plan.arrays.values() if spec.kind == "image"}
    assert sides == {(32, 32)} and not plan.assumed
    plan.abstract_state()


def test_classes_are_asked_for_in_a_line(photos):
    with pytest.raises(UserError, match=r"this game needs class labels: give num_classes, or data that have labels$"):
        plan_without_data(config_of("biggan_like", "gpu64", photos("dcgan")))


# One for each kind of pictures; the steps of all are traced in tests/test_configs.py.
@pytest.mark.parametrize("name", some_long(("dcgan", "cyclegan", "pix2pix"), lambda name: name != "dcgan"))
def test_the_variant_for_cpus_takes_a_step(name, photos, tmp_path):
    short = {
        "steps": 1,
        "batch_size": 8,
        "evaluate_every": 0,
        "sample_every": 0,
        "metrics": "none",
        "statistics_batches": 1,
    }
    result = train(config_of(name, "cpu32", photos(name), **short, guard="off"), tmp_path / "run")
    losses = [value for metric, value in result.items() if metric.endswith("/loss")]
    assert result["step"] == 1 and losses and all(np.isfinite(losses))
    assert list((tmp_path / "run" / "samples").iterdir())  # a run's end is drawn
