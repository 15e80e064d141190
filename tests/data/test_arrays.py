"""Arrays in memory: what they are taken for, and what is said of those that cannot be used."""

import itertools
from collections.abc import Callable

import jax
import numpy as np
import pytest

import jaxgan.data
from jaxgan.core.arrays import ArraySpec
from jaxgan.data import ArraySource, DataError, Loader, Source, make_source, prepare
from jaxgan.data.sources import Record

GENERATOR = np.random.default_rng(0)
BYTES = GENERATOR.integers(0, 256, (6, 4, 5, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("values", "spec"),
    [
        (BYTES, ArraySpec((4, 5, 3), "float32", "image")),
        (BYTES / 127.5 - 1, ArraySpec((4, 5, 3), "float32", "image")),
        (np.zeros((6, 2)), ArraySpec((2,), "float32", "vector")),
        (np.array([0, 3, 1, 2, 3, 0]), ArraySpec((), "int32", "label", ("0", "1", "2", "3"))),
        (np.array([0, 1] * 3, np.uint8), ArraySpec((), "int32", "label", ("0", "1"))),  # labels, not grey levels
    ],
)
def test_what_an_array_is(values: np.ndarray, spec: ArraySpec) -> None:
    source = ArraySource("memory", {"x": values})
    assert source.arrays == {"x": spec} and len(source) == 6
    loader = Loader(source)
    batch = prepare(next(loader.batches(6)), loader.resident)
    assert batch["x"].shape == (6, *spec.shape) and batch["x"].dtype == spec.dtype
    expected = BYTES / 127.5 - 1 if values.dtype == np.uint8 and values.ndim == 4 else values
    got, expected = np.asarray(batch["x"]).reshape(6, -1), expected.reshape(6, -1)
    np.testing.assert_allclose(sorted(got.tolist()), sorted(expected.tolist()), atol=1e-6)


def test_names_and_domains_are_told() -> None:
    label = ArraySpec((), "int32", "label", ("cat", "dog", "eel"))
    source = ArraySource("pets", {"image": BYTES, "label": np.array([0, 1] * 3)}, {"label": label})
    assert source.num_classes == 3 and source.arrays["label"] is label and source.metrics == ("fid/inception",)
    pair = ArraySource("pair", {"a": BYTES, "b": BYTES[..., :1]}, domains=("colour", "grey"))
    assert pair.domains == ("colour", "grey") and pair.num_classes == 0 and pair.metrics == ()


@pytest.mark.parametrize(
    ("values", "arrays", "message"),
    [
        ({"a": BYTES, "b": BYTES[:4]}, {}, "the arrays of memory have the lengths {'a': 6, 'b': 4}; give them one"),
        ({"a": BYTES[:0]}, {}, "the arrays of memory have the lengths {'a': 0}; give them one length, of at least 1"),
        ({"a": np.array(["x"])}, {}, "array 'a' of memory is <U1 (1,); give images (N, H, W, C) of uint8 or float, "),
        ({"a": BYTES[..., 0]}, {}, "array 'a' of memory is uint8 (6, 4, 5); give images (N, H, W, C)"),
        (
            {"a": np.array([0, 2])},
            {"a": ArraySpec((), "int32", "label", ("x", "y"))},
            "array 'a' of memory has the label 2, but 2 classes; number them from 0 on",
        ),
        ({"a": np.array([-1, 0])}, {}, "array 'a' of memory has the label -1, but 1 classes; number them from 0 on"),
        (
            {"a": BYTES},
            {"a": ArraySpec((4, 5, 1), "float32", "image")},
            "array 'a' of memory holds image entries of shape (4, 5, 3) and dtype float32, but its spec says image, (4, 5, 1)",
        ),
        ({"a": BYTES}, {"b": ArraySpec((2,), "float32", "vector")}, "memory has no array 'b' (its arrays: a)"),
    ],
)
def test_arrays_that_cannot_be(values: dict, arrays: dict, message: str) -> None:
    with pytest.raises(DataError) as caught:
        ArraySource("memory", values, arrays)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.mark.parametrize("most", [1.0, 1.0005, 1.1, 255.0, np.inf, np.nan])
@pytest.mark.parametrize("make", [lambda x: ArraySource("memory", {"image": x}), jaxgan.data.arrays])
def test_floats_are_from_minus_one_to_one(most: float, make: Callable[[np.ndarray], Source]) -> None:
    images = np.linspace(-1, 1, 96).reshape(2, 4, 4, 3)
    for changed in (most, -most):
        images[1, 2, 3, 0] = changed
        if abs(most) < 1.001:
            assert make(images).image_shape == (4, 4, 3)
            continue
        with pytest.raises(
            DataError, match=r"^array 'image' of memory has numbers from .* to .*; give floats in \[-1, 1\], or"
        ):
            make(images)
    vectors = np.full((3, 2), most if np.isfinite(most) else 9.0)
    assert make(vectors).image_shape == (2,)  # have any range


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "digits", "labelled": 20},
        {"name": "digits_translation", "domain": "coloured", "flip": True},
        {"name": "digits_translation", "domain": "low_resolution", "image_size_b": 8, "aligned": True},
        {"name": "stacked_digits"},
        {"name": "grid25"},
    ],
)
@pytest.mark.parametrize("resident_bytes", [2**30, 0])
def test_minibatches_are_what_the_arrays_say(fields: dict, resident_bytes: int) -> None:
    source = make_source(fields)
    loader = Loader(source, resident_bytes=resident_bytes)
    prepared = jax.jit(prepare)
    for batch in itertools.islice(loader.batches(8), 2):
        got = prepared(batch, loader.resident)
        assert {key: (x.shape, str(x.dtype)) for key, x in got.items()} == {
            key: ((8, *spec.shape), spec.dtype) for key, spec in source.arrays.items()
        }
        for key, spec in source.arrays.items():
            if spec.kind == "image":
                assert got[key].min() >= -1.000001 and got[key].max() <= 1.000001  # float32 rounds
            if spec.kind == "label":
                assert got[key].min() >= 0 and got[key].max() < len(spec.names)


class Wrong(Source):
    """Records that are not what it says."""

    name = "wrong"

    def __init__(self) -> None:
        self.arrays = {"image": ArraySpec((2,), "float32", "vector")}

    def __len__(self) -> int:
        return 3

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        return {"image": np.zeros(3, np.float32)}


def test_a_source_whose_records_are_not_what_it_says() -> None:
    message = (
        r"^records of wrong prepare to \{'image': \('float32', \(3,\)\)\}, "
        r"but its arrays say \{'image': \('float32', \(2,\)\)\}; make them agree$"
    )
    with pytest.raises(DataError, match=message):
        Loader(Wrong())
