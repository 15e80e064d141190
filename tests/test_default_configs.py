"""Every config's default takes real steps at a tiny size."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgan.registry import resolve
from jaxgan.training import train
from tests.marks import some_long
from tests.test_configs import MODULES, NAMES, players

# One that newcomers meet first, one that grows and one that translates; the others take long to
# compile, and are traced in tests/test_configs.py and played at a smaller size in tests/gans/test_every_system.py.
QUICK = ("dcgan", "progan", "cyclegan")


def tiny(name: str) -> ConfigDict:
    """A config's default, for two steps of much thinner networks: compilation is what these cost."""
    config = resolve(MODULES[name].get_config())
    config.batch_size, config.steps, config.log_every = 8, 2, 1
    config.sample_every = config.evaluate_every = config.checkpoint_every = 2
    config.evaluate_samples, config.statistics_batches = 80, 1
    for each in players(config):
        for field in ("width", "base_width", "max_width", "widths", "hidden", "units"):
            if field in each.network:
                value = each.network[field]
                each.network[field] = (4,) * len(value) if isinstance(value, tuple) else max(2, value // 8)
        if "blocks" in each.network:
            each.network.blocks = 1
        if "group_width" in each.network:
            each.network.group_width = 4
    if "discriminator_steps" in config.game:
        config.game.discriminator_steps = min(2, config.game.discriminator_steps)
    for field in ("pretraining_steps", "clustering_steps"):  # at most one step before the game
        if field in config.game:
            config.game[field] = 1 if field == "pretraining_steps" and "clustering_steps" not in config.game else 0
    if "text_steps" in config.game:  # a step of the text and one of the game, or one of each stage of the game
        config.game.text_steps = 0 if "first_stage_steps" in config.game else 1
        config.game.update({"first_stage_steps": 1} if "first_stage_steps" in config.game else {})
    if "clusters" in config.game:
        config.game.update({"clusters": 4, "clustering_batch_size": 8, "clustering_steps": 1})
    if name == "progan":  # a step of 4x4, and one of 8x8
        config.game.stable_images, config.game.fade_images = 8, 4
        config.data.image_size = 8
    return config


@pytest.mark.parametrize("name", some_long(NAMES, lambda name: name not in QUICK))
def test_the_embedded_default_trains(name, tmp_path):
    result = train(tiny(name), tmp_path / "run")
    assert result["step"] == 2
    assert any("loss" in metric for metric in result) and all(np.isfinite(list(result.values())))
    assert (tmp_path / "run" / "metrics.jsonl").exists()
    jax.clear_caches()  # the programs of all systems together would fill the memory of a small machine
