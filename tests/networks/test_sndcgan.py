"""SNGAN's plain convolutional networks: parameters by hand, layers against torch."""

import itertools

import numpy as np
import pytest

from jaxgan.networks import SNDCGANDiscriminator, SNDCGANGenerator


def conv(inputs, outputs, size):
    return size * size * inputs * outputs + outputs


def test_parameters_of_the_paper(count):
    # Table 3 at 32 pixels: no biases where a batch norm (gain and offset) follows.
    kernels = 128 * 4 * 4 * 512 + 16 * (512 * 256 + 256 * 128 + 128 * 64)
    assert (
        count(SNDCGANGenerator((32, 32, 3)), (2, 128))
        == kernels + 2 * (512 + 256 + 128 + 64) + conv(64, 3, 3)
        == 3_804_739
    )
    layers = [(3, 64, 3), (64, 64, 4), (64, 128, 3), (128, 128, 4), (128, 256, 3), (256, 256, 4), (256, 512, 3)]
    expected = sum(conv(*layer) for layer in layers) + 4 * 4 * 512 + 1
    assert count(SNDCGANDiscriminator(), (2, 32, 32, 3)) == expected == 2_935_873
    # The public programs widen in the layers that halve.
    layers = [(3, 64, 3), (64, 128, 4), (128, 128, 3), (128, 256, 4), (256, 256, 3), (256, 512, 4), (512, 512, 3)]
    expected = sum(conv(*layer) for layer in layers) + 4 * 4 * 512 + 1
    assert count(SNDCGANDiscriminator(wide=True), (2, 32, 32, 3)) == expected


@pytest.mark.parametrize(
    ("size", "widths", "base"), [(48, (512, 256, 128, 64), 6), (16, (64, 32, 16), 4), (28, (8, 4, 2), 7)]
)
def test_sizes(size, widths, base, shapes):
    generator = shapes(SNDCGANGenerator((size, size, 1), widths=widths), (2, 5))
    assert generator["project"]["kernel"].shape == (5, base * base * widths[0])
    discriminator = shapes(SNDCGANDiscriminator(widths=widths[::-1]), (2, size, size, 1))
    assert discriminator["logit"]["kernel"].shape == (base * base * widths[0], 1)


def test_errors(shapes):
    with pytest.raises(
        ValueError, match="SNDCGANGenerator doubles its first map 3 times, but 30x30 is no multiple of 8"
    ):
        shapes(SNDCGANGenerator((30, 30, 3)), (2, 5))


def test_generator_agrees_with_torch(drawn, run, normal):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    z = normal(3, 5)
    network = SNDCGANGenerator((8, 8, 2), widths=(6, 4, 3))
    params = drawn(network, z)
    model = nn.Sequential(nn.Linear(5, 24, bias=False), nn.Unflatten(1, (6, 2, 2)))
    for before, after in ((6, 4), (4, 3)):
        model.extend([nn.BatchNorm2d(before), nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)])
    model.extend([nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 3, 1, 1), nn.Tanh()])
    names = ["project", "norm_0", "up_1", "norm_1", "up_2", "norm_2", "to_image"]
    for layer, name in zip([layer for layer in model if list(layer.parameters())], names, strict=True):
        weights = {key: np.asarray(value) for key, value in params[name].items()}
        if name == "project":  # flattened NHWC here, NCHW there
            weights["kernel"] = weights["kernel"].reshape(5, 2, 2, 6).transpose(3, 1, 2, 0).reshape(24, 5)
        elif "kernel" in weights:
            weights["kernel"] = weights["kernel"].transpose((2, 3, 0, 1) if name.startswith("up") else (3, 2, 0, 1))
        layer.weight.data = torch.tensor(weights.get("kernel", weights.get("scale")))
        if "bias" in weights:
            layer.bias.data = torch.tensor(weights["bias"])
    expected = model(torch.tensor(np.asarray(z))).detach().numpy().transpose(0, 2, 3, 1)
    assert expected.std() > 0.1
    np.testing.assert_allclose(run(network, params, z), expected, atol=2e-5)


@pytest.mark.parametrize("wide", [False, True])
def test_discriminator_agrees_with_torch(wide, drawn, run, normal):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    x = normal(3, 8, 12, 2)
    network = SNDCGANDiscriminator(widths=(3, 4, 5), wide=wide)
    params = drawn(network, x)
    layers, names = [nn.Conv2d(2, 3, 3, 1, 1)], ["conv_0"]
    for index, (before, after) in enumerate(itertools.pairwise((3, 4, 5)), start=1):
        middle = after if wide else before
        layers += [nn.Conv2d(before, middle, 4, 2, 1), nn.Conv2d(middle, after, 3, 1, 1)]
        names += [f"down_{index}", f"conv_{index}"]
    for layer, name in zip(layers, names, strict=True):
        layer.weight.data = torch.tensor(np.asarray(params[name]["kernel"]).transpose(3, 2, 0, 1))
        layer.bias.data = torch.tensor(np.asarray(params[name]["bias"]))
    h = torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))
    for layer in layers:
        h = torch.nn.functional.leaky_relu(layer(h), 0.1)
    features = h.detach().numpy().transpose(0, 2, 3, 1).reshape(3, -1)
    expected = features @ np.asarray(params["logit"]["kernel"])[:, 0] + float(params["logit"]["bias"][0])
    np.testing.assert_allclose(run(network, params, x), expected, rtol=1e-4, atol=1e-5)
