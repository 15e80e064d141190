"""Every config: its default takes real steps at a tiny size, its other variants build and trace."""

import importlib
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import ConfigError, adam_rising_b2, build_game, default, named, player
from jaxgan.training import train

ROOT = pathlib.Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "configs").glob("*.py"))
VARIANTS = {
    "began": ("paper",),
    "biggan_like": ("cifar10", "paper"),
    "cyclegan": ("tinted", "low_resolution", "paper", "tutorial"),
    "dcgan": ("stacked", "paper", "tutorial"),
    "dragan": ("ring8", "paper"),
    "ebgan": ("paper",),
    "fgan": ("kl", "reverse_kl", "paper"),
    "gan": ("minimax", "gaussian1d", "ring8", "grid25", "tutorial", "paper"),
    "improved_gan": ("paper",),
    "lsgan": ("pearson", "ring8", "paper"),
    "progan": ("paper",),
    "r3gan": ("grid25", "stacked", "paper", "ffhq64", "ffhq256"),
    "rgan": ("average", "paper"),
    "sngan": ("projection", "cnn", "paper", "imagenet"),
    "wgan": ("gaussian1d", "paper"),
    "wgan_gp": ("grid25", "paper", "tutorial"),
}


TOYS = {"gaussian1d": (1,), "mixture1d": (1,), "ring8": (2,), "grid25": (2,)}


def get_config(name: str, variant: str = ""):
    return importlib.import_module(f"configs.{name}").get_config(variant)


def test_every_config_is_in_the_table():
    assert sorted(VARIANTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_embedded_default_trains(name, tmp_path):
    config = get_config(name)
    config.batch_size, config.steps, config.log_every = 8, 2, 1
    config.sample_every = config.evaluate_every = config.checkpoint_every = 2
    config.evaluate_samples, config.statistics_batches = 80, 1
    # The same networks, much thinner, and fewer of what repeats: compilation is what this costs.
    for spec in config.players.values():
        for field in ("width", "base_width", "max_width", "widths", "hidden", "units"):
            if field in spec.network:
                value = spec.network[field]
                spec.network[field] = (4,) * len(value) if isinstance(value, tuple) else max(2, value // 8)
        if "blocks" in spec.network:
            spec.network.blocks = 1
        if spec.network.name.startswith("R3GAN"):
            spec.network.group_width = 4
    for field in ("n_critic", "discriminator_steps"):
        if field in config.game:
            config.game[field] = 2
    if name == "progan":  # a step of 4x4, and one of 8x8
        config.game.stable_images, config.game.fade_images = 8, 4
        config.data.image_size = 8
    result = train(config, tmp_path / "run")
    assert result["step"] == config.steps
    assert {metric: result[metric] for metric in result if "loss" in metric}
    assert (tmp_path / "run" / "metrics.jsonl").exists()


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name in NAMES for variant in VARIANTS[name]])
def test_other_variants_build_and_a_whole_step_traces(name, variant):
    config = get_config(name, variant)
    config.lock()
    size, channels = config.data.image_size or 32, config.data.channels or 3
    shape = TOYS.get(config.data.name, (size, size, channels))
    classes = config.game.get("num_classes") or (10 if config.data.require_labels else None)
    game = build_game(config, shape, classes)
    batch_size = 8  # shapes do not depend on it, and tracing is all that happens
    names = ("a", "b") if config.system == "cyclegan" else ("image",)
    batch = {key: jax.ShapeDtypeStruct((batch_size, *shape), jnp.float32) for key in names}
    if config.system == "improved_gan":
        batch["labelled_image"] = batch["image"]
    if classes:
        batch["label"] = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
    state = jax.eval_shape(game.init, jax.random.key(0), batch)
    for stage in range(len(game.stages)):
        round = game.round(0, 0)._replace(stage=stage)
        new, metrics = jax.eval_shape(lambda s, b, r=round: game.step(s, (b,) * game.minibatches(r), r), state, batch)
        assert jax.tree.structure(new) == jax.tree.structure(state)
        assert all(metric.shape == () and metric.dtype == jnp.float32 for metric in metrics.values())


def test_the_published_biggan_has_the_published_size():
    game = build_game(get_config("biggan_like", "paper"), (128, 128, 3), 1000)
    example = {"image": jnp.zeros((1, 128, 128, 3)), "label": jnp.zeros((1,), jnp.int32)}
    state = jax.eval_shape(game.init, jax.random.key(0), example)
    sizes = {name: sum(leaf.size for leaf in jax.tree.leaves(one.params)) for name, one in state.players.items()}
    assert sizes == {"generator": 70_433_988, "discriminator": 87_982_370}
    # spectral norm everywhere but in the shared embedding
    assert not any("shared_embedding" in path for path in state.players["generator"].constraint)
    assert any("head" in path for path in state.players["discriminator"].constraint)


def broken(**fields):
    config = default()
    config.system = "gan"
    for name, network in (("generator", "MLPGenerator"), ("discriminator", "MLPDiscriminator")):
        config.players[name] = player(named(network), named("adam", learning_rate=1e-3))
    for path, value in fields.items():
        node = config
        *sections, leaf = path.split("__")
        for section in sections:
            node = node[section]
        node[leaf] = value
    return config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"system": "cycle-gan"}, r"config\.system='cycle-gan' is unknown: did you mean 'cyclegan'\?"),
        ({"system": "nowhere:gan"}, r"config\.system='nowhere:gan' cannot be imported: No module named 'nowhere'"),
        ({"system": "improved_gan"}, r"config\.game \(improved_gan\) needs num_classes: add it to the config"),
        ({"game__conditional": True}, r"config\.game \(gan\): a conditional GAN needs num_classes"),
        ({"game__objective": "hinje"}, r"config\.game \(gan\): the objective 'hinje' is unknown"),
        ({"game__terms": {"r3": {}}}, r"config\.game \(gan\)\.terms\.r3\.name='r3' is unknown: "),
        (
            {"game__terms": {"r1": {"schedule": {"stop": 9}}}},
            r"config\.game \(gan\)\.terms\.r1 \(r1\)\.schedule\.name='' is unknown: choose one of cosine_decay",
        ),
        ({"game__terms": {"r1": {"weigth": 1.0}}}, r"config\.game \(gan\)\.terms\.r1 \(r1\) has no field 'weigth'"),
        ({"game__latent": "cauchy"}, r"config\.game \(gan\): latent distribution 'cauchy' is unknown"),
        ({"game__n_critic": 5}, r"config\.game \(gan\) has no field 'n_critic'"),
        (
            {"players__generator__network__name": "MLPGenrator"},
            r"config\.players\.generator\.network\.name='MLPGenrator' is unknown: did you mean 'MLPGenerator'\?",
        ),
        (
            {"players__generator__network__hiden": (8,)},
            r"config\.players\.generator\.network \(MLPGenerator\) has no field 'hiden': did you mean 'hidden'\?",
        ),
        (
            {"players__generator__optimizer__name": "adma"},
            r"config\.players\.generator\.optimizer\.name='adma' is unknown: did you mean 'adam'\?",
        ),
        (
            {"players__generator__average": named("half_life", images=-1)},
            r"config\.players\.generator\.average \(half_life\): moving average: a half-life of -1 images",
        ),
    ],
)
def test_a_config_that_cannot_be_used_says_where_and_how_to_mend_it(fields, message):
    with pytest.raises(ConfigError, match=message):
        build_game(broken(**fields), (8, 8, 1))


def test_an_unknown_variant_is_named():
    with pytest.raises(ConfigError, match="this config has no variant 'papper': did you mean 'paper'"):
        get_config("dcgan", "papper")


def test_several_constraints_views_and_terms_are_made_by_name():
    config = broken(game__terms={"r1": {"weight": 3.0, "schedule": {"name": "linear_decay", "stop": 9}}, "drift": {}})
    config.game.top_k = named("cosine_decay", stop=10, final=0.5)
    config.players.discriminator.constraint = named("chain", parts={"spectral_norm": {}, "orthogonal": {"weight": 0.1}})
    config.players.discriminator.view = named("chain", parts={"instance_noise": {"deviation": 0.1}, "diff_augment": {}})
    game = build_game(config, (8, 8, 1))
    batch = {"image": jnp.zeros((4, 8, 8, 1))}
    state = jax.eval_shape(game.init, jax.random.key(0), batch)
    assert len(state.players["discriminator"].constraint) == 2
    metrics = jax.eval_shape(game.step, state, batch)[1]
    assert {"discriminator/r1", "discriminator/drift", "discriminator/weight_penalty"} <= set(metrics)
    config.players.discriminator.constraint.parts.spectral_nrm = {}
    with pytest.raises(
        ConfigError, match=r"constraint\.parts\.spectral_nrm\.name='spectral_nrm' is unknown: did you mean"
    ):
        build_game(config, (8, 8, 1))


def test_the_second_decay_of_adam_rises_along_a_cosine():
    optimizer = adam_rising_b2(learning_rate=0.1, b1=0.0, b2=0.9, final_b2=0.99, updates=10)
    state = optimizer.init(jnp.zeros(()))
    second, expected = 0.0, []
    for update in range(4):
        decay = 0.99 - 0.09 * 0.5 * (1 + np.cos(np.pi * update / 10))
        second = decay * second + (1 - decay) * 4.0
        expected.append(second)
        _, state = optimizer.update(jnp.float32(2.0), state)
        found = [float(leaf) for leaf in jax.tree.leaves(state.inner_state[0].nu)]
        assert found == pytest.approx([second], rel=1e-5)
