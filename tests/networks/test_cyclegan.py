"""The translator and the PatchGAN against torch; the patch that a logit sees."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import PatchDiscriminator, ResNetTranslator
from jaxgan.training.plan import plan_without_data


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


def test_parameters(count):
    ends = conv(3, 64, 7) + conv(64, 3, 7)
    halvings = conv(64, 128, 3) + conv(128, 256, 3) + conv(256, 128, 3) + conv(128, 64, 3)
    blocks = 9 * 2 * conv(256, 256, 3)
    assert count(ResNetTranslator((256, 256, 3)), (1, 256, 256, 3)) == ends + halvings + blocks == 11_378_179
    layers = conv(3, 64, 4) + conv(64, 128, 4) + conv(128, 256, 4) + conv(256, 512, 4) + conv(512, 1, 4)
    assert count(PatchDiscriminator(), (1, 256, 256, 3)) == layers == 2_764_737


def test_the_texts_program_has_the_printed_sizes_no_pool_and_no_decay():
    config = importlib.import_module("configs.cyclegan").get_config("tutorial")
    plan = plan_without_data(config)
    state = plan.abstract_state()
    sizes = {name: sum(leaf.size for leaf in jax.tree.leaves(one.params)) for name, one in state.players.items()}
    assert sizes == {
        **{name: 11_378_179 for name in ("generator_ab", "generator_ba")},
        **{name: 2_764_737 for name in ("discriminator_a", "discriminator_b")},
    }
    assert (config.data.image_size, config.data.load_size) == (256, 286)
    assert all(player.schedule is None for player in plan.game.players.values())
    assert [len(pool.images) for pool in jax.eval_shape(lambda: state.memory).values()] == [0, 0]
    image = jax.ShapeDtypeStruct((2, 256, 256, 3), jnp.float32)
    network = plan.game.players["discriminator_a"].network
    made = jax.eval_shape(lambda key, x: network.init_with_output(key, x)[0], jax.random.key(0), image)
    assert made.shape == (2,)  # one score for each image


def test_six_blocks_at_128(count):
    config = importlib.import_module("configs.cyclegan").get_config("paper128")
    network = config.players.generator_ab.network
    assert (network.blocks, config.data.image_size, config.data.load_size) == (6, 128, 143)
    nine, six = (count(ResNetTranslator((128, 128, 3), blocks=number), (1, 128, 128, 3)) for number in (9, 6))
    assert nine - six == 6 * conv(256, 256, 3)


def test_batch_norm_takes_the_place_of_biases(shapes):
    params = shapes(ResNetTranslator((16, 16, 3), width=2, blocks=1, norm="batch"), (1, 8, 8, 3))
    assert [name for name in params if "norm" not in name and "bias" in params[name]] == ["to_image"]
    params = shapes(PatchDiscriminator(width=2, norm="batch"), (1, 32, 32, 3))
    assert [name for name in params if "norm" not in name and "bias" in params[name]] == ["conv_0", "logit"]


def test_logits_of_the_published_size(shapes):
    network = PatchDiscriminator(width=2)
    image = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    logits = jax.eval_shape(lambda key, x: network.init_with_output(key, x)[0], jax.random.key(0), image)
    assert logits.shape == (1, 30, 30)


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_receptive_field(layers, patch, drawn, run, normal):
    # Without a norm: an instance norm lets every logit see the statistics of the whole image.
    network = PatchDiscriminator(width=2, layers=layers, norm="none")
    x = normal(1, 128, 128, 1)
    params = drawn(network, x)
    middle = 128 // 2**layers // 2
    gradient = jax.jit(jax.grad(lambda x: run(network, params, x)[0, middle, middle]))(x)
    for axis in (1, 2):
        seen = np.flatnonzero(np.any(np.asarray(gradient) != 0, axis=tuple({0, 1, 2, 3} - {axis})))
        assert seen.max() - seen.min() + 1 == patch


def test_global_average_is_the_mean_of_the_patches(drawn, run, normal):
    x = normal(2, 32, 32, 3)
    patches, average = PatchDiscriminator(width=2), PatchDiscriminator(width=2, global_average=True)
    params = drawn(patches, x)
    expected = np.asarray(run(patches, params, x)).reshape(2, -1).mean(1)
    np.testing.assert_allclose(run(average, params, x), expected, rtol=1e-4)


@pytest.mark.parametrize("downsamples", [0, 1, 2])
def test_translator_keeps_the_size(downsamples, shapes):
    params = shapes(ResNetTranslator((16, 16, 3), width=2, blocks=1, downsamples=downsamples), (1, 16, 16, 3))
    assert params["block_0_conv_1"]["kernel"].shape == (3, 3, 2 * 2**downsamples, 2 * 2**downsamples)


def test_errors(shapes):
    with pytest.raises(ValueError, match="30x32 cannot be halved 2 times"):
        shapes(ResNetTranslator((256, 256, 3)), (1, 30, 32, 3))


def fill(torch, layers, params, names):
    """Copies the named convolutions of a network into torch's, in order."""
    targets = [layer for layer in layers if list(layer.parameters(recurse=False))]
    assert len(targets) == len(names)
    for target, name in zip(targets, names, strict=True):
        axes = (2, 3, 0, 1) if isinstance(target, torch.nn.ConvTranspose2d) else (3, 2, 0, 1)
        target.weight.data = torch.tensor(np.asarray(params[name]["kernel"]).transpose(axes))
        target.bias.data = torch.tensor(np.asarray(params[name]["bias"]))


def test_translator_agrees_with_torch(drawn, run, normal):
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
            again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
            self.layers = nn.Sequential(*half, nn.ReLU(), *again)

        def forward(self, x):
            return x + self.layers(x)

    model = nn.Sequential(
        *[nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), nn.InstanceNorm2d(4), nn.ReLU()],
        *[nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.InstanceNorm2d(8), nn.ReLU()],
        *[nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.InstanceNorm2d(16), nn.ReLU()],
        Block(16),
        *[nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1), nn.InstanceNorm2d(8), nn.ReLU()],
        *[nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1), nn.InstanceNorm2d(4), nn.ReLU()],
        *[nn.ReflectionPad2d(3), nn.Conv2d(4, 2, 7), nn.Tanh()],
    )
    x = normal(2, 16, 20, 3)
    network = ResNetTranslator((16, 20, 2), width=4, blocks=1)
    params = drawn(network, x)
    names = ["stem", "down_0", "down_1", "block_0_conv_1", "block_0_conv_2", "up_0", "up_1", "to_image"]
    fill(torch, model.modules(), params, names)
    expected = model(torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))).detach().numpy().transpose(0, 2, 3, 1)
    assert expected.std() > 0.1
    np.testing.assert_allclose(run(network, params, x), expected, atol=1e-4)


def test_patch_discriminator_agrees_with_torch(drawn, run, normal):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    model = nn.Sequential(
        *[nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2)],
        *[nn.Conv2d(4, 8, 4, 2, 1), nn.InstanceNorm2d(8), nn.LeakyReLU(0.2)],
        *[nn.Conv2d(8, 16, 4, 1, 1), nn.InstanceNorm2d(16), nn.LeakyReLU(0.2)],
        nn.Conv2d(16, 1, 4, 1, 1),
    )
    x = normal(2, 16, 20, 3)
    network = PatchDiscriminator(width=4, layers=2)
    params = drawn(network, x)
    fill(torch, model.modules(), params, ["conv_0", "conv_1", "conv_2", "logit"])
    expected = model(torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))).detach().numpy()[:, 0]
    np.testing.assert_allclose(run(network, params, x), expected, atol=1e-4)
