"""Convolutions: against torch, finite differences, and under the transformations that a game uses."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from jax.test_util import check_grads

from jaxgan.layers import Conv, UpConv, convolution, up_convolution
from jaxgan.layers.conv import pooled_convolution, upsampled_convolution

# kernel side, strides, padding, height, width
DOWN = {
    "3x3 same": (3, 1, 1, 6, 5),
    "7x7 same": (7, 1, 3, 8, 8),
    "1x1": (1, 1, 0, 5, 4),
    "1x1 stride 2": (1, 2, 0, 5, 4),
    "4x4 stride 2": (4, 2, 1, 8, 6),
    "5x5 stride 2, odd map": (5, 2, 2, 7, 8),
    "3x3 stride 2, remainder": (3, 2, 0, 8, 8),
    "patch discriminator": (4, 1, 1, 7, 6),
    "2x2 padded": (2, 1, 1, 5, 5),
    "padding beyond the kernel's centre": (4, 1, 3, 5, 6),
    "whole image": (4, 1, 0, 4, 4),
    "strides beyond the kernel": (3, 4, 1, 9, 8),
}
# kernel side, strides, padding, output padding, height, width
UP = {
    "4x4 stride 2": (4, 2, 1, 0, 4, 3),
    "first layer of DCGAN": (4, 1, 0, 0, 1, 1),
    "3x3 stride 2": (3, 2, 1, 1, 4, 5),
    "5x5 stride 2": (5, 2, 2, 1, 3, 4),
    "stride 1": (3, 1, 1, 0, 4, 4),
    "unpadded": (4, 2, 0, 0, 3, 4),
    "padding beyond the kernel's centre": (4, 2, 3, 1, 5, 4),
    "strides beyond the kernel": (2, 3, 0, 2, 3, 3),
    "8x8 stride 4": (8, 4, 2, 0, 2, 3),
}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def torch_values(function, x, kernel, permutation, **options):
    """Result, and gradients of the sum of its sines, of a torch function in our layout, in float64."""
    torch = pytest.importorskip("torch")
    x = torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2).requires_grad_()
    inverse = np.argsort(permutation).tolist()
    weight = torch.tensor(kernel, dtype=torch.float64).permute(*inverse).requires_grad_()
    y = getattr(torch.nn.functional, function)(x, weight, **options)
    torch.sin(y).sum().backward()
    as_ours = y.detach().permute(0, 2, 3, 1), x.grad.permute(0, 2, 3, 1), weight.grad.permute(*permutation)
    return [value.numpy() for value in as_ours]


def our_values(function, x, kernel):
    y = function(x, kernel)
    return y, *jax.grad(lambda x, kernel: jnp.sin(function(x, kernel)).sum(), (0, 1))(x, kernel)


def assert_close(ours, theirs, tolerance=1e-4):
    for ours_one, theirs_one in zip(ours, theirs, strict=True):
        assert ours_one.shape == theirs_one.shape
        np.testing.assert_allclose(ours_one, theirs_one, atol=tolerance * np.abs(theirs_one).max(), rtol=tolerance)


@pytest.fixture(params=["cpu", "default"])
def platform(request, monkeypatch):
    """Both ways to compute the maps: a CPU's, and that of all other platforms."""

    def choose(*args, **branches):
        return branches[request.param](*args)

    monkeypatch.setattr(jax.lax, "platform_dependent", choose)


def down(strides, padding):
    return functools.partial(convolution, strides=strides, padding=padding)


def up(strides, padding, output_padding):
    return functools.partial(up_convolution, strides=strides, padding=padding, output_padding=output_padding)


@pytest.mark.parametrize("case", DOWN)
def test_convolution_and_its_gradients_equal_torch(case):
    side, strides, padding, height, width = DOWN[case]
    x, kernel = normal(0, 2, height, width, 3), normal(1, side, side, 3, 4)
    theirs = torch_values("conv2d", x, kernel, (2, 3, 1, 0), stride=strides, padding=padding)
    assert_close(jax.jit(our_values, static_argnums=0)(down(strides, padding), x, kernel), theirs)


@pytest.mark.parametrize("case", UP)
def test_up_convolution_and_its_gradients_equal_torch(case):
    side, strides, padding, output_padding, height, width = UP[case]
    x, kernel = normal(0, 2, height, width, 4), normal(1, side, side, 4, 16)
    options = {"stride": strides, "padding": padding, "output_padding": output_padding}
    theirs = torch_values("conv_transpose2d", x, kernel, (2, 3, 0, 1), **options)
    assert_close(jax.jit(our_values, static_argnums=0)(up(strides, padding, output_padding), x, kernel), theirs)


@pytest.mark.usefixtures("platform")
def test_first_and_second_derivatives_are_finite_differences():
    """Of one function of several kernels, in which every kind of layer has neighbours of other kinds."""
    with jax.enable_x64(True):
        x = normal(0, 1, 6, 4, 2).astype(np.float64)
        shapes = ((3, 3, 2, 2), (4, 4, 2, 16), (2, 2, 16, 2), (4, 4, 2, 16), (3, 3, 16, 3))
        kernels = [normal(seed, *shape).astype(np.float64) / 5 for seed, shape in enumerate(shapes)]
        layers = [down(1, "REFLECT"), down(2, 1), down(1, 1), up(2, 1, 0), up((2, 1), 0, 0)]

        def network(x, kernels):
            for layer, kernel in zip(layers, kernels, strict=True):
                x = jnp.sin(layer(x, kernel))
            return x

        check_grads(jax.jit(network), (x, kernels), order=2, modes=["rev"], rtol=1e-5, atol=1e-5)


def test_gradient_penalty_equals_plain_lax():
    """The parameters' gradient of a penalty on the images' gradient, through both kinds of convolution."""
    layout = ("NHWC", "HWIO", "NHWC")

    def plain_down(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (2, 2), ((1, 1), (1, 1)), dimension_numbers=layout)

    def plain_up(x, kernel):
        return jax.lax.conv_transpose(x, kernel[::-1, ::-1], (2, 2), ((2, 2), (2, 2)), dimension_numbers=layout)

    def penalty(kernels, x, down_function, up_function):
        def critic(x):
            return jnp.tanh(up_function(jnp.tanh(down_function(x, kernels[0])), kernels[1])).sum()

        return (jnp.sqrt(jnp.square(jax.grad(critic)(x)).sum((1, 2, 3))) - 1.0).sum() ** 2

    with jax.enable_x64(True):
        x = normal(0, 3, 8, 8, 2).astype(np.float64)
        kernels = [normal(1, 4, 4, 2, 5).astype(np.float64), normal(2, 4, 4, 5, 16).astype(np.float64)]
        gradient = jax.jit(jax.grad(penalty), static_argnums=(2, 3))
        ours = gradient(kernels, x, down(2, 1), up(2, 1, 0))
        assert_close(ours, gradient(kernels, x, plain_down, plain_up), 1e-9)


def torch_upsampled(x, kernel):
    torch = pytest.importorskip("torch")
    x = torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")
    return torch.nn.functional.conv2d(x, kernel, padding=kernel.shape[2] // 2)


def torch_pooled(x, kernel):
    torch = pytest.importorskip("torch")
    return torch.nn.functional.avg_pool2d(torch.nn.functional.conv2d(x, kernel, padding=kernel.shape[2] // 2), 2)


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(
    ("fused", "of_torch", "side", "height", "width"),
    [
        (upsampled_convolution, torch_upsampled, 3, 3, 5),
        (upsampled_convolution, torch_upsampled, 5, 4, 1),
        (pooled_convolution, torch_pooled, 3, 6, 4),
        (pooled_convolution, torch_pooled, 5, 2, 8),
    ],
)
def test_resampling_convolutions_and_two_derivatives_equal_the_two_layers_in_torch(
    fused, of_torch, side, height, width
):
    torch = pytest.importorskip("torch")
    # 16 features: fewer are not computed by phases
    x, kernel = normal(0, 2, height, width, 3).astype(float), normal(1, side, side, 3, 16).astype(float)

    def penalty(x, kernel):
        return jnp.square(jax.grad(lambda x: jnp.sin(fused(x, kernel)).sum())(x)).sum()

    with jax.enable_x64(True):
        ours = jax.jit(lambda x, kernel: (*our_values(fused, x, kernel), *jax.grad(penalty, (0, 1))(x, kernel)))(
            x, kernel
        )

    images = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    weight = torch.tensor(kernel).permute(3, 2, 0, 1).requires_grad_()
    y = of_torch(images, weight)
    first = torch.autograd.grad(torch.sin(y).sum(), (images, weight), create_graph=True)
    second = torch.autograd.grad(first[0].square().sum(), (images, weight))
    of_images, of_weights = (0, 2, 3, 1), (2, 3, 1, 0)
    order = (of_images, of_images, of_weights, of_images, of_weights)
    theirs = [value.detach().permute(*axes) for value, axes in zip((y, *first, *second), order, strict=True)]
    assert_close(ours, [value.numpy() for value in theirs], 1e-11)


@pytest.mark.parametrize("resample", ["up", "down"])
def test_a_resampling_conv_in_bfloat16_rounds_its_result_alone(resample):
    """Inputs and the sums of taps fit into bfloat16, and products are summed in float32."""
    generator = np.random.default_rng(0)
    x = generator.integers(-2, 3, (2, 4, 6, 3)).astype(np.float32)
    kernel = generator.integers(-4, 5, (3, 3, 3, 4)).astype(np.float32)
    y = Conv(4, resample=resample, use_bias=False, dtype=jnp.bfloat16).apply({"params": {"kernel": kernel}}, x)
    exact = x.repeat(2, 1).repeat(2, 2) if resample == "up" else x
    exact = np.asarray(convolution(exact, kernel))
    if resample == "down":
        exact = exact.reshape(2, 2, 2, 3, 2, 4).mean((2, 4))
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, exact.astype(jnp.bfloat16))


@pytest.mark.parametrize("ensemble", [2, 17])
def test_vmap_over_kernels_equals_a_loop(ensemble):
    x, kernels, maps = normal(0, 2, 4, 4, 2), normal(1, ensemble, 4, 4, 2, 3), normal(2, ensemble, 4, 4, 3, 2)

    def loss(kernel, kernel_up):
        return jnp.sin(up(2, 1, 0)(jnp.tanh(down(2, 1)(x, kernel)), kernel_up)).sum()

    gradient = jax.jit(jax.grad(loss, (0, 1)))
    loop = [gradient(kernels[i], maps[i]) for i in range(ensemble)]
    assert_close(jax.jit(jax.vmap(gradient))(kernels, maps), [np.stack(values) for values in zip(*loop, strict=True)])


def test_nested_vmaps_over_images_and_kernels_equal_loops():
    x, kernels = normal(0, 3, 5, 5, 2), normal(1, 2, 3, 3, 2, 4)

    def gradient(kernel, image):  # of one image, by its kernel
        return jax.grad(lambda kernel: jnp.sin(down(2, 1)(image[None], kernel)).sum())(kernel)

    ours = jax.jit(jax.vmap(jax.vmap(gradient, (None, 0)), (0, None)))(kernels, x)
    loop = jax.jit(gradient)
    assert_close([ours], [np.stack([[loop(kernel, image) for image in x] for kernel in kernels])])


def loss_of_both(kernels, x):
    return jnp.square(up(2, 1, 0)(jnp.tanh(down(2, 1)(x, kernels[0])), kernels[1])).sum()


def test_a_batch_sharded_by_jit_gives_the_same_gradient_without_moving_images():
    x, kernels = normal(0, 32, 32, 32, 2), [normal(1, 4, 4, 2, 8), normal(2, 4, 4, 8, 16)]
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharded = jax.device_put(x, NamedSharding(mesh, P("data")))
    gradient = jax.jit(jax.grad(loss_of_both))
    assert_close(gradient(kernels, sharded), gradient(kernels, x))
    program = gradient.lower(jax.device_put(kernels, NamedSharding(mesh, P())), sharded).compile().as_text()
    assert "all-reduce" in program
    for movement in ("all-gather", "all-to-all", "collective-permute"):
        assert movement not in program


@pytest.mark.parametrize("check_vma", [True, False])
def test_a_batch_split_by_shard_map_gives_the_same_gradient(check_vma):
    x, kernels = normal(0, 8, 8, 8, 2), [normal(1, 4, 4, 2, 3), normal(2, 4, 4, 3, 2)]
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))

    def gradient(kernels, x):
        gradient = jax.grad(loss_of_both)(kernels, x)
        return gradient if check_vma else jax.lax.psum(gradient, "data")

    split = jax.shard_map(gradient, mesh=mesh, in_specs=(P(), P("data")), out_specs=P(), check_vma=check_vma)
    assert_close(jax.jit(split)(kernels, x), jax.grad(loss_of_both)(kernels, x))


def test_large_batches_are_summed_in_parts():
    """4096 pixels: more than are summed at once."""
    x, maps = normal(0, 64, 16, 16, 2), normal(1, 64, 8, 8, 3)
    kernel_gradient = jax.grad(lambda kernel: jnp.vdot(down(2, 1)(x, kernel), maps))(jnp.zeros((4, 4, 2, 3)))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = [
        [np.einsum("bhwc,bhwd->cd", padded[:, i : i + 15 : 2, j : j + 15 : 2], maps) for j in range(4)]
        for i in range(4)
    ]
    assert_close([kernel_gradient], [np.array(expected)])


@pytest.mark.parametrize(
    ("inputs", "features", "side", "strides", "bands"),
    [(2, 3, 3, 1, 4), (17, 1, 3, 1, 4), (2, 3, 4, 2, 4), (2, 3, 3, 4, 4)],
)
def test_large_maps_are_summed_in_bands_of_rows(inputs, features, side, strides, bands):
    """19 rows do not divide evenly; few features swap the operands."""
    x, maps = normal(0, 2, 19 * strides, 33 * strides, inputs), normal(1, 2, 19, 33, features)
    kernel = jnp.zeros((side, side, inputs, features))
    gradient = jax.jit(jax.grad(lambda kernel: jnp.vdot(down(strides, 1)(x, kernel), maps)))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = strides * 18 + 1, strides * 32 + 1
    expected = [
        [
            np.einsum("bhwc,bhwd->cd", padded[:, i : i + rows : strides, j : j + columns : strides], maps)
            for j in range(side)
        ]
        for i in range(side)
    ]
    assert_close([gradient(kernel)], [np.array(expected)])
    assert gradient.lower(kernel).as_text().count("stablehlo.convolution(") == bands


def test_forms_go_by_the_platform_that_a_step_is_lowered_for():
    """Not by the host's: a step for a GPU can be lowered on a CPU, and its gradients and penalties have the GPU's forms."""
    x, kernel = normal(0, 2, 19, 33, 17), normal(1, 3, 3, 17, 1)
    penalty = lambda kernel: jnp.square(jax.grad(lambda x: jnp.sin(down(1, 1)(x, kernel)).sum())(x)).sum()  # noqa: E731
    traced = jax.jit(jax.grad(penalty)).trace(kernel)
    texts = {name: traced.lower(lowering_platforms=(name,)).as_text() for name in ("cpu", "cuda", "tpu")}
    number = {name: text.count("stablehlo.convolution(") for name, text in texts.items()}
    assert number["cpu"] > number["cuda"] == number["tpu"]
    # Bands, and their barriers, are a CPU's.
    assert "stablehlo.slice" in texts["cpu"]
    assert "stablehlo.slice" not in texts["cuda"]


def test_bfloat16_computes_in_bfloat16_and_sums_kernel_gradients_in_float32():
    x, kernel = jnp.ones((1, 17, 19, 2), jnp.bfloat16), jnp.ones((3, 3, 2, 3))
    assert convolution(x, kernel).dtype == jnp.bfloat16
    gradient = jax.grad(lambda kernel: convolution(x, kernel).astype(jnp.float32).sum())(kernel)
    assert gradient.dtype == jnp.float32
    # all 323 pixels lie under the middle tap, and bfloat16 has no such number
    np.testing.assert_array_equal(gradient[1, 1], 17 * 19)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_kernel_gradients_off_cpus_are_those_of_float32_rounded_once_to_the_dtype_of_the_images(dtype, monkeypatch):
    x, kernel, weight = normal(0, 4, 9, 9, 6), normal(1, 3, 3, 6, 5), normal(2, 4, 9, 9, 5)

    def gradient(x, weight):
        return jax.grad(lambda kernel: (convolution(x, kernel) * weight).astype(jnp.float32).sum())(kernel)

    x, weight = (jnp.asarray(array, dtype) for array in (x, weight))
    exact = gradient(x.astype(jnp.float32), weight.astype(jnp.float32))
    monkeypatch.setattr(jax.lax, "platform_dependent", lambda *args, cpu, default: default(*args))
    made = gradient(x, weight)
    assert made.dtype == jnp.float32
    rounding = float(jnp.finfo(dtype).eps) / 2
    np.testing.assert_allclose(made, exact, rtol=rounding, atol=1e-5)
    assert (made != exact).any() == (dtype == jnp.bfloat16)


def test_kernel_gradients_of_bfloat16_are_one_product_in_bfloat16_on_a_gpu():
    x, kernel = jnp.ones((4, 9, 9, 6), jnp.bfloat16), jnp.ones((3, 3, 6, 5))
    gradient = jax.jit(jax.grad(lambda kernel: convolution(x, kernel).astype(jnp.float32).sum()))
    results = {
        name: re.findall(r"stablehlo.convolution.*-> tensor<3x3x6x5x(\w+)>", lowered.as_text())
        for name in ("cpu", "cuda", "tpu")
        for lowered in (gradient.trace(kernel).lower(lowering_platforms=(name,)),)
    }
    assert results["cuda"] == results["tpu"] == ["bf16"]
    assert "f32" in results["cpu"]


def test_same_padding_halves_sizes_upwards():
    x, kernel = normal(0, 1, 5, 4, 1), np.ones((3, 3, 1, 1), np.float32)
    y = convolution(x, kernel, 2, "SAME")
    # 5 rows: one row of zeros on each side; 4 columns: one column of zeros at the end
    padded = np.pad(x[0, :, :, 0], ((1, 1), (0, 1)))
    expected = [[padded[i : i + 3, j : j + 3].sum() for j in (0, 2)] for i in (0, 2, 4)]
    np.testing.assert_allclose(y[0, :, :, 0], expected, rtol=1e-5)


def test_reflection_padding_equals_numpy():
    x, kernel = normal(0, 2, 6, 5, 2), normal(1, 7, 5, 2, 3)
    padded = np.pad(x, ((0, 0), (3, 3), (2, 2), (0, 0)), mode="reflect")
    assert_close([convolution(x, kernel, 1, "REFLECT")], [convolution(padded, kernel, 1, "VALID")])


def test_modules_hold_float32_kernels_with_the_output_last_and_add_biases():
    x = jnp.asarray(normal(0, 2, 4, 4, 3))
    for module, size in ((Conv(5, (3, 2), dtype=jnp.bfloat16), 4), (UpConv(5, (4, 4), dtype="bfloat16"), 8)):
        params = module.init(jax.random.key(0), x)["params"]
        assert params["kernel"].dtype == params["bias"].dtype == jnp.float32
        assert params["kernel"].shape == (*module.kernel_size, 3, 5)
        y = module.apply({"params": {"kernel": 0 * params["kernel"], "bias": jnp.arange(5.0)}}, x)
        assert y.dtype == jnp.bfloat16
        np.testing.assert_array_equal(y, np.broadcast_to(np.arange(5.0), (2, size, size, 5)))
    for resample, size in (("up", 8), ("down", 2)):
        module = Conv(5, resample=resample)
        params = module.init(jax.random.key(0), x)["params"]
        assert params["kernel"].shape == (3, 3, 3, 5)
        y = module.apply({"params": {"kernel": 0 * params["kernel"], "bias": jnp.arange(5.0)}}, x)
        np.testing.assert_array_equal(y, np.broadcast_to(np.arange(5.0), (2, size, size, 5)))
    assert set(Conv(5, 1, use_bias=False).init(jax.random.key(0), x)["params"]) == {"kernel"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convolution(jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 2, 5))), "do not fit"),
        (lambda: convolution(jnp.ones((1, 2, 2, 3)), jnp.ones((5, 5, 3, 5)), 1, 1), "larger image"),
        (lambda: convolution(jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 3, 5)), 1, "reflect"), "unknown padding"),
        (lambda: up_convolution(jnp.ones((1, 4, 4, 3)), jnp.ones((4, 4, 3, 5)), 2, 1, 2), "output_padding 2"),
        (lambda: up_convolution(jnp.ones((1, 1, 1, 3)), jnp.ones((4, 4, 3, 5)), 2, 2), "less padding"),
        (lambda: upsampled_convolution(jnp.ones((1, 4, 4, 3)), jnp.ones((4, 4, 3, 5))), "4x4 kernel"),
        (lambda: pooled_convolution(jnp.ones((1, 4, 4, 3)), jnp.ones((3, 5, 3, 5))), "3x5 kernel"),
        (lambda: pooled_convolution(jnp.ones((1, 4, 5, 3)), jnp.ones((3, 3, 3, 5))), "4x5 map has no half"),
        (lambda: upsampled_convolution(jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 2, 5))), "do not fit"),
        (lambda: Conv(5, resample="half").init(jax.random.key(0), jnp.ones((1, 4, 4, 3))), "resample='half'"),
        (lambda: Conv(5, strides=2, resample="up").init(jax.random.key(0), jnp.ones((1, 4, 4, 3))), "strides 2"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
