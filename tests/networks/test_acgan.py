"""AC-GAN's networks: the published sizes, torch, the two ways in for a label, and the two answers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.networks import ACGANDiscriminator, ACGANGenerator


def test_parameters_of_the_paper(count):
    # 100 latents and 10 classes to 4x4 maps; each batch norm has a gain and an offset for a bias
    widths = (768, 384, 256, 192, 64)
    layers = sum(25 * a * b + 2 * b for a, b in itertools.pairwise(widths))
    expected = 111 * 16 * 768 + layers + 25 * 64 * 3 + 3
    assert count(ACGANGenerator((128, 128, 3), embedded_classes=10), (2, 100), "label") == expected == 12_736_963
    # six convolutions, of which the first one has a bias, and two linear layers on maps of 16x16
    widths = (3, 16, 32, 64, 128, 256, 512)
    layers = sum(9 * a * b + 2 * b for a, b in itertools.pairwise(widths)) - 16
    expected = layers + 11 * (16 * 16 * 512 + 1)
    assert count(ACGANDiscriminator(class_logits=10), (2, 128, 128, 3)) == expected == 3_015_563


@pytest.mark.parametrize(
    ("shape", "widths"), [((16, 16, 1), (8, 4)), ((32, 32, 3), (8, 4, 4)), ((24, 16, 2), (8, 4, 2))]
)
def test_shapes(shape, widths):
    network = ACGANGenerator(shape, widths, embedded_classes=3)
    z, label = jax.ShapeDtypeStruct((2, 5), jnp.float32), jax.ShapeDtypeStruct((2,), jnp.int32)
    images, _ = jax.eval_shape(network.init_with_output, jax.random.key(0), z, label)
    assert (images.shape, images.dtype) == ((2, *shape), jnp.float32)


def torch_norm(torch, params):
    layer = torch.nn.BatchNorm2d(len(params["scale"]))
    layer.weight.data, layer.bias.data = (torch.tensor(np.asarray(params[name])) for name in ("scale", "bias"))
    return layer


def with_kernel(torch, layer, params, axes):
    layer.weight.data = torch.tensor(np.asarray(params["kernel"]).transpose(axes))
    if "bias" in params:
        layer.bias.data = torch.tensor(np.asarray(params["bias"]))
    return layer


def test_generator_agrees_with_torch(drawn, normal):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    z, label = normal(4, 5), jnp.asarray([0, 2, 1, 2])
    network = ACGANGenerator((16, 24, 2), (6, 4), embedded_classes=3)
    params = drawn(network, z, label)
    project = with_kernel(torch, nn.Linear(8, 4 * 6 * 6), params["project"], (1, 0))
    up = nn.ConvTranspose2d(6, 4, 5, stride=2, padding=2, output_padding=1, bias=False)
    up = with_kernel(torch, up, params["up_1"], (2, 3, 0, 1))
    last = nn.ConvTranspose2d(4, 2, 5, stride=2, padding=2, output_padding=1)
    last = with_kernel(torch, last, params["to_image"], (2, 3, 0, 1))

    inputs = torch.tensor(np.asarray(z)).requires_grad_()
    onehot = nn.functional.one_hot(torch.tensor([0, 2, 1, 2]), 3)
    x = project(torch.cat([inputs, onehot], 1)).relu()
    x = x.reshape(4, 4, 6, 6).permute(0, 3, 1, 2)
    x = torch_norm(torch, params["norm_1"])(up(x)).relu()
    images = last(x).tanh().permute(0, 2, 3, 1)
    weight = normal(4, 16, 24, 2)
    (images * torch.tensor(np.asarray(weight))).sum().backward()

    def total(z):
        y = network.apply({"params": params}, z, label)
        return (y * weight).sum(), y

    gradient, y = jax.jit(jax.grad(total, has_aux=True))(z)
    assert images.std() > 0.1
    np.testing.assert_allclose(y, images.detach(), atol=1e-4)
    np.testing.assert_allclose(gradient, inputs.grad, rtol=1e-3, atol=1e-3)


def test_discriminator_agrees_with_torch(drawn, normal):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    x = normal(4, 16, 12, 2)
    network = ACGANDiscriminator((3, 4, 5), class_logits=6)
    params = drawn(network, x)
    inputs = torch.tensor(np.asarray(x)).requires_grad_()
    h = inputs.permute(0, 3, 1, 2)
    for index, (before, after, stride) in enumerate([(2, 3, 2), (3, 4, 1), (4, 5, 2)]):
        layer = nn.Conv2d(before, after, 3, stride, 1, bias=index == 0)
        h = with_kernel(torch, layer, params[f"conv_{index}"], (3, 2, 0, 1))(h)
        h = torch_norm(torch, params[f"norm_{index}"])(h) if index else h
        h = nn.functional.leaky_relu(h, 0.2)
    flat = h.permute(0, 2, 3, 1).reshape(4, -1)
    score = with_kernel(torch, nn.Linear(60, 1), params["logit"], (1, 0))(flat)[:, 0]
    classes = with_kernel(torch, nn.Linear(60, 6), params["class_logits"], (1, 0))(flat)
    (score.square().sum() + classes.square().sum()).backward()

    def total(x):
        verdict = network.apply({"params": params}, x, features=True)
        return (verdict.score**2).sum() + (verdict.class_logits**2).sum(), verdict

    gradient, verdict = jax.jit(jax.grad(total, has_aux=True))(x)
    for ours, theirs in zip(verdict[:3], (score, flat, classes), strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), atol=1e-4)
    np.testing.assert_allclose(gradient, inputs.grad, rtol=1e-3, atol=1e-3)


def test_what_the_discriminator_returns(normal):
    x = normal(2, 8, 8, 1)

    def returned(network, **options):
        return jax.eval_shape(lambda key, x: network.init_with_output(key, x, **options)[0], jax.random.key(0), x)

    plain, full = ACGANDiscriminator((2, 3)), ACGANDiscriminator((2, 3), class_logits=4)
    assert returned(plain).shape == (2,)
    shape = lambda leaf: None if leaf is None else leaf.shape  # noqa: E731
    assert Verdict(*map(shape, returned(plain, features=True))) == Verdict((2,), (2, 48), None)
    assert Verdict(*map(shape, returned(full))) == Verdict((2,), None, (2, 4))
    assert Verdict(*map(shape, returned(full, features=True))) == Verdict((2,), (2, 48), (2, 4))


def test_dropout_follows_every_convolution(drawn, normal):
    # In one minibatch of copies the answers differ only by what is dropped.
    x = jnp.tile(normal(1, 8, 8, 1), (300, 1, 1, 1))
    one = ACGANDiscriminator((3,), class_logits=1, norm="none")
    params = drawn(one, x)
    params["class_logits"] = params["logit"]
    play = jax.jit(
        lambda network, params, x, key: network.apply({"params": params}, x, features=True, rngs={"dropout": key}),
        static_argnums=0,
    )
    verdict = play(one, params, x, jax.random.key(0))
    # Features are not dropped; both heads read the same draw.
    np.testing.assert_allclose(verdict.features, np.tile(verdict.features[:1], (300, 1)), atol=1e-5)
    np.testing.assert_allclose(verdict.class_logits[:, 0], verdict.score, atol=1e-5)
    # Each product of feature and weight is doubled or dropped: their sum has their sum of squares as variance.
    products = np.asarray(verdict.features[0]) * params["logit"]["kernel"][:, 0]
    np.testing.assert_allclose(np.std(verdict.score), np.linalg.norm(products), rtol=0.2)
    # The second convolution sees what the first one's dropout has left.
    two = ACGANDiscriminator((3, 4), norm="none")
    verdict = play(two, drawn(two, x), x, jax.random.key(0))
    assert np.std(verdict.features, axis=0).max() > 0.1


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_compute_dtype(dtype, normal):
    z, images = normal(2, 5), normal(2, 8, 8, 1)
    for network, x in (
        (ACGANGenerator((8, 8, 1), (4, 2), dtype=dtype), z),
        (ACGANDiscriminator((2, 3), class_logits=3, dtype=dtype), images),
    ):
        params = jax.eval_shape(network.init, jax.random.key(0), x)["params"]
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
        program = jax.jit(network.apply).trace({"params": params}, x)
        assert ("bf16" in str(program.jaxpr)) == (dtype == jnp.bfloat16)
        assert {leaf.dtype for leaf in jax.tree.leaves(program.out_info)} == {jnp.dtype("float32")}


def test_the_hadamard_form_multiplies_latents_by_a_class_vector(drawn, run, normal):
    z, label = normal(3, 5), jnp.asarray([1, 0, 1])
    network = ACGANGenerator((8, 8, 1), (4,), embedded_classes=2, condition="multiply")
    params = drawn(network, z, label)
    vectors = params.pop("embedding")["embedding"]
    assert vectors.shape == (2, 5)
    expected = run(ACGANGenerator((8, 8, 1), (4,)), params, z * vectors[label])
    np.testing.assert_allclose(
        run(network, {**params, "embedding": {"embedding": vectors}}, z, label), expected, atol=1e-6
    )


def test_initialisation(initialised):
    network = ACGANGenerator((32, 32, 3), (64, 32, 16), embedded_classes=50, condition="multiply")
    params = initialised(network, np.zeros((2, 40), np.float32), np.zeros(2, np.int32))
    np.testing.assert_allclose(np.std(params["project"]["kernel"]), 0.02, rtol=0.05)
    np.testing.assert_allclose(np.std(params["up_1"]["kernel"]), 0.02, rtol=0.05)
    np.testing.assert_allclose(np.std(params["embedding"]["embedding"]), 1, rtol=0.05)


def test_errors(shapes):
    with pytest.raises(UserError, match="does not know the shape of a sample"):
        shapes(ACGANGenerator(), (2, 5))
    with pytest.raises(UserError, match="36x36 is no multiple of 32"):
        shapes(ACGANGenerator((36, 36, 1)), (2, 5))
    with pytest.raises(UserError, match="embedded_classes=3 but got no labels"):
        shapes(ACGANGenerator((32, 32, 1), embedded_classes=3), (2, 5))
    with pytest.raises(UserError, match="condition='add' does not exist"):
        shapes(ACGANGenerator((32, 32, 1), condition="add"), (2, 5))
