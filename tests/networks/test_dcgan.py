"""DCGAN, layer by layer against torch, and its sizes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import DCGANDiscriminator, DCGANGenerator


def test_parameters_of_the_tutorial(count):
    # No biases; batch norm has a gain and an offset per channel.
    kernels = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert (
        count(DCGANGenerator((64, 64, 3), width=64, layout="torch"), (2, 100))
        == kernels + 2 * (512 + 256 + 128 + 64)
        == 3_576_704
    )
    kernels = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1)
    norms = 2 * (128 + 256 + 512)
    assert count(DCGANDiscriminator(width=64, layout="torch"), (2, 64, 64, 3)) == kernels + norms == 2_765_568


def test_parameters_of_the_paper(count):
    kernels = 100 * 4 * 4 * 1024 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    assert count(DCGANGenerator((64, 64, 3)), (2, 100)) == kernels + 2 * (1024 + 512 + 256 + 128)
    kernels = 25 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024) + 4 * 4 * 1024
    assert count(DCGANDiscriminator(), (2, 64, 64, 3)) == kernels + 2 * (256 + 512 + 1024)


@pytest.mark.parametrize(
    ("size", "base", "widths"), [(16, 4, 2), (32, 4, 3), (128, 4, 5), (28, 7, 2), (48, 6, 3), (8, 4, 1)]
)
def test_sizes(size, base, widths, shapes):
    generator = shapes(DCGANGenerator((size, size, 3), width=2, layout="torch"), (2, 5))
    assert generator["project"]["kernel"].shape == (base, base, 5, 2**widths)
    discriminator = shapes(DCGANDiscriminator(width=2, layout="torch"), (2, size, size, 3))
    assert discriminator["logit"]["kernel"].shape == (base, base, 2**widths, 1)


def test_initialisation(initialised):
    params = initialised(DCGANGenerator((16, 16, 3), width=32), np.zeros((2, 64), np.float32))
    np.testing.assert_allclose(np.std(params["project"]["kernel"]), 0.02, rtol=0.02)
    np.testing.assert_allclose(np.std(params["up_1"]["kernel"]), 0.02, rtol=0.02)
    np.testing.assert_allclose(np.mean(params["norm_0"]["scale"]), 1.0, atol=0.01)
    np.testing.assert_allclose(np.std(params["norm_0"]["scale"]), 0.02, rtol=0.4)
    assert not np.any(params["norm_0"]["bias"])


def test_critic_without_norm_has_biases(shapes):
    critic = shapes(DCGANDiscriminator(width=2, norm="none"), (2, 16, 16, 3))
    assert set(critic) == {"down_0", "down_1", "logit"}
    assert all(set(layer) == {"kernel", "bias"} for layer in critic.values())


@pytest.mark.parametrize("layout", ["paper", "torch"])
def test_several_kinds_of_images(layout, count):
    network = DCGANDiscriminator(width=2, layout=layout, class_logits=3)
    # A last layer for each kind, without a bias: of the whole map of 4x4 with 4 features.
    one = count(DCGANDiscriminator(width=2, layout=layout), (2, 16, 16, 3))
    assert count(network, (2, 16, 16, 3)) == one + 2 * 4 * 4 * 4
    params = network.init(jax.random.key(0), jnp.zeros((2, 16, 16, 3)))
    verdict = network.apply(params, jnp.ones((2, 16, 16, 3)), features=True)
    assert verdict.score is None and verdict.class_logits.shape == (2, 3) and verdict.features.shape == (2, 64)


@pytest.mark.parametrize(
    ("network", "inputs", "words"),
    [
        (
            DCGANGenerator((64, 64, 3), layout="theano"),
            (2, 100),
            "layout='theano' does not exist; choose one of 'paper', 'torch'",
        ),
        (DCGANGenerator((30, 30, 3)), (2, 100), None),
        (DCGANGenerator((7, 7, 3)), (2, 100), "7x7"),
        (DCGANDiscriminator(norm="spectral"), (2, 16, 16, 3), "norm='spectral'"),
        (DCGANDiscriminator(), (2, 6, 6, 3), "6x6"),
    ],
)
def test_errors(network, inputs, words, shapes):
    if words is None:  # 30 halves once, to 15
        assert shapes(network, inputs)["project"]["kernel"].shape == (100, 15 * 15 * 128)
        return
    with pytest.raises(ValueError, match=words):
        shapes(network, inputs)


# The same networks in torch, whose kernels are (in, out, H, W) for transposed convolutions, (out, in, H, W) for others.
def torch_generator(nn, latent, widths, channels, layout):
    up = dict(kernel_size=4, stride=2, padding=1) if layout == "torch" else dict(kernel_size=5, stride=2, padding=2)
    up |= {} if layout == "torch" else {"output_padding": 1}
    if layout == "torch":
        layers = [nn.Unflatten(1, (latent, 1, 1)), nn.ConvTranspose2d(latent, widths[0], 4, 1, 0, bias=False)]
    else:
        layers = [nn.Linear(latent, 4 * 4 * widths[0], bias=False), nn.Unflatten(1, (widths[0], 4, 4))]
    for before, after in zip(widths, [*widths[1:], channels], strict=True):
        layers += [nn.BatchNorm2d(before), nn.ReLU(), nn.ConvTranspose2d(before, after, bias=False, **up)]
    return nn.Sequential(*layers, nn.Tanh())


def torch_discriminator(nn, channels, widths, layout):
    down = dict(kernel_size=4, stride=2, padding=1) if layout == "torch" else dict(kernel_size=5, stride=2, padding=2)
    layers = [nn.Conv2d(channels, widths[0], bias=False, **down), nn.LeakyReLU(0.2)]
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, bias=False, **down), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    if layout == "torch":
        return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Flatten(0))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 4 * widths[-1], 1, bias=False), nn.Flatten(0))


def copy_to_torch(torch, params, model):
    """Copies a network's layers, in the order of their names, into the torch layers that have weights."""
    order = [("project",), ("norm_0",), *[(f"{kind}_{i}",) for i in range(5) for kind in ("up", "down", "norm")]]
    names = [name for (name,) in dict.fromkeys(order) if name in params] + ["to_image", "logit"]
    layers = [params[name] for name in names if name in params]
    targets = [layer for layer in model if list(layer.parameters())]
    assert len(layers) == len(targets)
    for source, target in zip(layers, targets, strict=True):
        if "scale" in source:
            new = {"weight": source["scale"], "bias": source["bias"]}
        else:
            kernel = np.asarray(source["kernel"])
            if isinstance(target, torch.nn.ConvTranspose2d):
                kernel = kernel.transpose(2, 3, 0, 1)
            elif isinstance(target, torch.nn.Conv2d):
                kernel = kernel.transpose(3, 2, 0, 1)
            elif target.in_features > target.out_features:  # flattened NHWC here, NCHW there
                kernel = kernel.reshape(4, 4, -1).transpose(2, 0, 1).reshape(1, -1)
            else:
                kernel = kernel.reshape(len(kernel), 4, 4, -1).transpose(3, 1, 2, 0).reshape(-1, len(kernel))
            new = {"weight": kernel}
        for name, value in new.items():
            getattr(target, name).data = torch.tensor(np.asarray(value))


@pytest.mark.parametrize("layout", ["torch", "paper"])
def test_generator_agrees_with_torch(layout, drawn, run, normal):
    torch = pytest.importorskip("torch")
    z = normal(3, 10)
    network = DCGANGenerator((32, 32, 3), width=4, layout=layout)
    params = drawn(network, z)
    model = torch_generator(torch.nn, 10, [16, 8, 4], 3, layout)
    copy_to_torch(torch, params, model)
    expected = model(torch.tensor(np.asarray(z))).detach().numpy().transpose(0, 2, 3, 1)
    assert expected.std() > 0.1
    np.testing.assert_allclose(run(network, params, z), expected, atol=2e-5)


@pytest.mark.parametrize("layout", ["torch", "paper"])
def test_discriminator_agrees_with_torch(layout, drawn, run, normal):
    torch = pytest.importorskip("torch")
    x = normal(3, 32, 32, 3)
    network = DCGANDiscriminator(width=4, layout=layout)
    params = drawn(network, x)
    model = torch_discriminator(torch.nn, 3, [4, 8, 16], layout)
    copy_to_torch(torch, params, model)
    expected = model(torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))).detach().numpy()
    assert expected.std() > 0.1
    np.testing.assert_allclose(run(network, params, x), expected, atol=2e-5)
