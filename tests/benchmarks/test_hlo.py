"""What is counted in compiled programs, against closed forms: programs for CPUs, and lines as other platforms write them."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from benchmarks import hlo
from jaxgan.mesh import batched, data_mesh, replicated


def compiled(function, *shapes, dtype="float32", cut=False):
    """The module of a function of arrays, compiled; with `cut` for eight devices, the first array's first axis cut."""
    mesh = data_mesh(jax.devices()[:8] if cut else jax.devices()[:1])
    shardings = [batched(mesh), *[replicated(mesh)] * (len(shapes) - 1)]
    arguments = [
        jax.ShapeDtypeStruct(shape, dtype, sharding=sharding) for shape, sharding in zip(shapes, shardings, strict=True)
    ]
    return hlo.Module(jax.jit(function).lower(*arguments).compile().as_text())


def convolve(x, kernel, **options):
    return lax.conv_general_dilated(
        x,
        kernel,
        **{"window_strides": (1, 1), "padding": "SAME", **options},
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def test_a_product_of_matrices():
    assert hlo.arithmetic(compiled(jnp.dot, (24, 40), (40, 56))) == {"float32": 2 * 24 * 40 * 56}


def test_a_batch_of_products():
    product = lambda x, y: jnp.einsum("bij,bjk->bik", x, y)  # noqa: E731
    assert sum(hlo.arithmetic(compiled(product, (3, 24, 40), (3, 40, 56))).values()) == 2 * 3 * 24 * 40 * 56


def test_each_device_multiplies_its_share():
    assert hlo.arithmetic(compiled(jnp.dot, (64, 40), (40, 56), cut=True)) == {"float32": 2 * 8 * 40 * 56}


def test_a_product_in_a_loop_counts_as_often_as_it_runs():
    def power(x):
        return lax.fori_loop(0, 7, lambda _, y: y @ x, x)

    assert hlo.arithmetic(compiled(power, (24, 24))) == {"float32": 7 * 2 * 24**3}


def taps(size, kernel):
    """Pairs of a pixel and a tap of a SAME convolution that meet the image: all but those over the borders."""
    reach = kernel // 2
    return kernel * size - reach * (reach + 1)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_convolution_without_what_its_padding_would_multiply(kernel):
    module = compiled(convolve, (2, 12, 10, 6), (kernel, kernel, 6, 8))
    assert hlo.arithmetic(module) == {"float32": 2 * 2 * taps(12, kernel) * taps(10, kernel) * 6 * 8}


def test_a_convolution_in_groups():
    module = compiled(lambda x, k: convolve(x, k, feature_group_count=4), (2, 12, 10, 8), (3, 3, 2, 8))
    assert hlo.arithmetic(module) == {"float32": 2 * 2 * taps(12, 3) * taps(10, 3) * 8 * 8 // 4}


def test_a_transposed_convolution_without_the_zeros_between_the_pixels():
    def up(x, kernel):
        return convolve(x, kernel, padding=((2, 2), (2, 2)), lhs_dilation=(2, 2))

    # Every pixel meets every tap of a 4x4 kernel, but for those over the borders: one of four twice along an axis.
    assert hlo.arithmetic(compiled(up, (2, 8, 8, 6), (4, 4, 6, 8))) == {"float32": 2 * 2 * (4 * 8 - 2) ** 2 * 6 * 8}


def test_arithmetic_agrees_with_xlas_own_count():
    """On a CPU XLA tells its operations; a convolution's bias and rectifier are few beside it."""

    def layers(x, first, second):
        return jax.nn.relu(convolve(jax.nn.relu(convolve(x, first)), second, window_strides=(2, 2)))

    shapes = (4, 16, 16, 32), (3, 3, 32, 64), (4, 4, 64, 32)
    program = jax.jit(layers).lower(*[jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]).compile()
    own = sum(hlo.arithmetic(hlo.Module(program.as_text())).values())
    assert own == pytest.approx(program.cost_analysis()["flops"], rel=0.01)


def test_what_is_computed_twice_from_the_same_counts_once_where_asked():
    def twice(x, y):
        return jnp.sum(x @ y) * jnp.max(x @ y) + jnp.sum(jax.nn.relu(x) @ y)

    shapes = [jax.ShapeDtypeStruct(shape, "float32") for shape in ((8, 16), (16, 8))]
    module = hlo.Module(jax.jit(twice).lower(*shapes).as_text(dialect="hlo", debug_info=True))
    one = 2 * 8 * 16 * 8
    assert hlo.arithmetic(module) == {"float32": 3 * one}
    assert hlo.arithmetic(module, distinct=True) == {"float32": 2 * one}


def test_arithmetic_of_some_places_alone():
    def two(x, y):
        with jax.named_scope("Inner"):
            z = x @ y
        return z @ y

    module = compiled(two, (8, 16), (16, 16))
    assert hlo.arithmetic(module, ["Inner"]) == {"float32": 2 * 8 * 16 * 16}
    assert hlo.arithmetic(module) == {"float32": 2 * 2 * 8 * 16 * 16}


def test_a_sum_reads_two_arrays_and_writes_one():
    moved = hlo.traffic(compiled(lambda x, y: x + 2 * y, (64, 32), (64, 32)))
    assert (moved.bytes, moved.padded, moved.number_of_copies) == (3 * 4 * 64 * 32, 3 * 4 * 64 * 32, 0)


def test_a_part_of_an_array_is_what_is_read_of_it():
    moved = hlo.traffic(compiled(lambda x: 2 * x[8:16], (64, 32)))
    assert moved.bytes == 2 * 4 * 8 * 32


def test_a_transposition_is_a_copy():
    moved = hlo.traffic(compiled(lambda x: x.T, (64, 32)))
    assert moved.number_of_copies == 1 and moved.copies == moved.bytes == 2 * 4 * 64 * 32


def test_a_mean_over_devices_is_one_all_reduce():
    module = compiled(lambda x, y: jnp.sum(x, axis=0) @ y, (64, 48), (48, 5), cut=True)
    assert {kind: (each.number, each.bytes) for kind, each in hlo.collectives(module).items()} == {
        "all-reduce": (1, 48 * 4)
    }


def test_a_gather_over_devices_is_seen():
    mesh = data_mesh(jax.devices()[:8])
    given = jax.ShapeDtypeStruct((64, 48), "float32", sharding=batched(mesh))
    program = jax.jit(lambda x: x + 1, out_shardings=replicated(mesh)).lower(given).compile()
    exchanged = hlo.collectives(hlo.Module(program.as_text()))
    assert exchanged["all-gather"] == hlo.Exchange(1, 8 * 48 * 4)


def one_line(line):
    """The module of one line with the parameters that it takes."""
    return hlo.Module(
        "HloModule m\n\nENTRY %main (a: f32[1]) -> f32[1] {\n"
        "  %a = bf16[8,32,32,16]{3,2,1,0} parameter(0)\n  %k = bf16[3,3,16,24]{3,2,1,0} parameter(1)\n"
        "  %b = bf16[8,32,32,24]{3,2,1,0} parameter(2)\n  %m = bf16[64,128]{1,0} parameter(3)\n"
        f"  {line}\n}}\n"
    )


CONV = "window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f"


@pytest.mark.parametrize(
    "line",
    [
        f"ROOT %y = (bf16[8,32,32,24]{{3,2,1,0}}, u8[64]{{0}}) custom-call(%a, %k), {CONV}, "
        'custom_call_target="__cudnn$convForward"',
        f"ROOT %y = (bf16[8,32,32,16]{{3,2,1,0}}, u8[0]{{0}}) custom-call(%b, %k), {CONV}, "
        'custom_call_target="__cudnn$convBackwardInput"',
        f"ROOT %y = (bf16[3,3,16,24]{{3,2,1,0}}, u8[0]{{0}}) custom-call(%a, %b), {CONV}, "
        'custom_call_target="__cudnn$convBackwardFilter"',
        f"ROOT %y = bf16[8,32,32,24]{{0,3,2,1:T(8,128)(2,1)}} convolution(%a, %k), {CONV}",
    ],
)
def test_a_convolution_and_its_gradients_are_the_same_products_on_any_platform(line):
    assert hlo.arithmetic(one_line(line)) == {"bfloat16": 2 * 8 * taps(32, 3) ** 2 * 16 * 24}


def test_a_call_of_cublas():
    line = (
        'ROOT %y = (bf16[64,64]{1,0}, s8[4194304]{0}) custom-call(%m, %m), custom_call_target="__cublas$gemm", backend_config='
        '{"gemm_backend_config":{"dot_dimension_numbers":{"lhs_contracting_dimensions":["1"],'
        '"rhs_contracting_dimensions":["1"]}}}'
    )
    assert hlo.arithmetic(one_line(line)) == {"bfloat16": 2 * 64 * 64 * 128}


def test_tiles_are_filled_up():
    (line,) = one_line("ROOT %y = f32[4,5,6,3]{3,0,2,1:T(8,128)} copy(%a)").live("main")[-1:]
    (shape,) = line.shapes
    # 3 channels lie in 128 lanes, and 4 images in 8 rows.
    assert (shape.bytes, shape.padded) == (4 * 4 * 5 * 6 * 3, 4 * 8 * 5 * 6 * 128)


def test_what_stays_on_the_chip_is_not_moved():
    moved = hlo.traffic(one_line("ROOT %y = bf16[64,128]{1,0:T(8,128)(2,1)S(1)} copy(%m)"))
    assert moved.bytes == 2 * 64 * 128  # read, and written nowhere outside
