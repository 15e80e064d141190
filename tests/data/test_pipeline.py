"""The loader: every record once per epoch, resumable anywhere, the same for any number of processes and way of reading."""

import itertools
import pathlib
from collections.abc import Iterable

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from PIL import Image

from jaxgan.data import ArraySource, DataError, Loader, Source, make_source, prepare
from jaxgan.data.pairs import UnalignedDomains


def numbers(length: int) -> ArraySource:
    """Records that know their index."""
    return ArraySource("numbers", {"image": np.arange(length, dtype=np.float32)[:, None]})


def data_mesh(devices: Iterable[jax.Device] | None = None) -> Mesh:
    chosen = np.array(jax.devices() if devices is None else list(devices))
    return Mesh(chosen, ("data",), axis_types=(AxisType.Auto,))


def stream(loader: Loader, batch_size: int, batches: int, start: int = 0, key: str = "image") -> np.ndarray:
    """The records of some minibatches, one after the other, as they come out of `prepare`."""
    minibatches = itertools.islice(loader.batches(batch_size, start), batches)
    return np.concatenate([np.asarray(prepare(batch, loader.resident)[key]) for batch in minibatches])


@pytest.fixture(params=["resident", "read"])
def resident_bytes(request: pytest.FixtureRequest) -> int:
    return 2**20 if request.param == "resident" else 0


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Fifteen pictures of 9x11 pixels in three classes, no two alike."""
    generator = np.random.default_rng(0)
    for number in range(15):
        (tmp_path / str(number % 3)).mkdir(exist_ok=True)
        picture = Image.fromarray(generator.integers(0, 256, (9, 11, 3), np.uint8))
        picture.save(tmp_path / str(number % 3) / f"{number}.png")
    return tmp_path


def test_every_record_once_per_epoch_in_changing_order(resident_bytes: int) -> None:
    loader = Loader(numbers(10), seed=3, resident_bytes=resident_bytes)
    assert bool(loader.resident) == bool(resident_bytes)
    epochs = stream(loader, 4, 15).reshape(6, 10)  # minibatches of 4 run across the ends of epochs of 10
    for epoch in epochs:
        assert sorted(epoch) == list(range(10))
    other = stream(Loader(numbers(10), seed=4, resident_bytes=resident_bytes), 4, 15).reshape(6, 10)
    assert len({tuple(epoch) for epoch in np.concatenate([epochs, other])}) == 12


@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(6, 30),
    batch_size=st.integers(1, 6),
    other_batch_size=st.integers(1, 6),
    start=st.integers(0, 90),
    resident=st.booleans(),
)
def test_resuming_at_any_record(
    length: int, batch_size: int, other_batch_size: int, start: int, resident: bool
) -> None:
    loader = Loader(numbers(length), seed=1, resident_bytes=2**20 if resident else 0)
    uninterrupted = stream(loader, other_batch_size, -(-(start + 3 * batch_size) // other_batch_size))
    resumed = stream(loader, batch_size, 3, start)
    np.testing.assert_array_equal(resumed, uninterrupted[start : start + 3 * batch_size])


def test_augmentation_is_resumed_too(folder: pathlib.Path) -> None:
    fields = {"path": str(folder), "image_size": (5, 6), "resize": "none", "crop": "random", "flip": True}
    loader = Loader(make_source("folder", **fields), seed=2)
    assert not loader.resident  # random crops are decoded each time
    uninterrupted = stream(loader, 4, 10)
    np.testing.assert_array_equal(stream(loader, 3, 5, start=17), uninterrupted[17:32])
    # And it does augment: the same picture differs from one epoch to the next, and so with the seed.
    crops = {uninterrupted[n].tobytes() for n in range(40)}
    assert len(crops) > 30
    assert not np.array_equal(uninterrupted, stream(Loader(make_source("folder", **fields), seed=3), 4, 10))


def test_crops_are_cut_from_the_picture_at_that_position(folder: pathlib.Path) -> None:
    fields = {"path": str(folder), "image_size": (5, 6), "resize": "none", "crop": "random", "flip": True}
    whole = [record["image"] for record in make_source("folder", path=str(folder))]
    flips, places = 0, set()
    for record in next(Loader(make_source("folder", **fields)).local_batches(15))["image"]:
        found = [
            (top, left, mirrored)
            for picture in whole
            for top in range(5)
            for left in range(6)
            for mirrored in (False, True)
            if np.array_equal(picture[top : top + 5, left : left + 6][:, :: -1 if mirrored else 1], record)
        ]
        assert len(found) == 1
        flips += found[0][2]
        places.add(found[0][:2])
    assert 1 <= flips <= 14 and len(places) >= 8


def test_processes_share_each_minibatch(resident_bytes: int, folder: pathlib.Path) -> None:
    source = make_source("folder", path=str(folder), image_size=8, flip=True)
    loader = Loader(source, seed=5, resident_bytes=resident_bytes)
    alone = list(itertools.islice(loader.local_batches(6), 7))
    first, second = (list(itertools.islice(loader.local_batches(6, 0, rows), 7)) for rows in np.split(np.arange(6), 2))
    for batch, a, b in zip(alone, first, second, strict=True):
        assert batch.keys() == a.keys() and len(next(iter(a.values()))) == 3
        for key, array in batch.items():
            np.testing.assert_array_equal(np.concatenate([a[key], b[key]]), array)


def sources(folder: pathlib.Path) -> dict[str, Source]:
    picture = make_source("folder", path=str(folder), image_size=(7, 8), flip=True)
    part = make_source("folder", path=str(folder / "0"), image_size=(7, 8), flip=True)
    return {
        "labelled": picture,
        "unaligned": UnalignedDomains("pair", (picture, part), "AB"),
        "vectors": make_source("ring8"),
    }


@pytest.mark.parametrize("name", ["labelled", "unaligned", "vectors"])
def test_resident_and_read_minibatches_are_equal(folder: pathlib.Path, name: str) -> None:
    source = sources(folder)[name]
    resident, read = Loader(source, seed=1), Loader(source, seed=1, resident_bytes=0)
    assert resident.resident and not read.resident
    prepared = jax.jit(prepare)
    for one, other in itertools.islice(zip(resident.batches(4), read.batches(4), strict=True), 12):
        one, other = prepared(one, resident.resident), prepared(other, read.resident)
        assert one.keys() == other.keys() == resident.example().keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_what_prepare_does(resident_bytes: int, folder: pathlib.Path) -> None:
    source = make_source("folder", path=str(folder))
    loader = Loader(source, resident_bytes=resident_bytes)
    batch = prepare(next(loader.batches(15)), loader.resident)
    assert batch["image"].shape == (15, 9, 11, 3) and batch["image"].dtype == np.float32
    assert batch["label"].shape == (15,) and batch["label"].dtype == np.int32
    by_pixels = {record["image"].tobytes(): (record["image"], int(record["label"])) for record in source}
    for image, label in zip(np.asarray(batch["image"]), np.asarray(batch["label"]), strict=True):
        stored = np.round((image + 1) * 127.5).astype(np.uint8)
        expected, expected_label = by_pixels.pop(stored.tobytes())
        np.testing.assert_allclose(image, expected / 127.5 - 1, atol=1e-6)
        assert label == expected_label
    assert not by_pixels


def test_example_is_a_prepared_minibatch(resident_bytes: int, folder: pathlib.Path) -> None:
    for source in sources(folder).values():
        loader = Loader(source, resident_bytes=resident_bytes)
        batch = prepare(next(loader.batches(4)), loader.resident)
        assert {key: (x.shape, x.dtype) for key, x in batch.items()} == {
            key: (x.shape, x.dtype) for key, x in loader.example(4).items()
        }


def test_half_of_the_images_are_mirrored(resident_bytes: int, tmp_path: pathlib.Path) -> None:
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "left_to_right.png")
    source = make_source("folder", path=str(tmp_path), channels=1, flip=True)
    images = stream(Loader(source, resident_bytes=resident_bytes), 1, 400)
    assert 160 <= (images[:, 0, 0, 0] == 1).sum() <= 240  # 200 +- 10


def test_dequantisation_adds_less_than_a_grey_level(resident_bytes: int, folder: pathlib.Path) -> None:
    plain, noisy = (make_source("folder", path=str(folder), flip=True, dequantize=on) for on in (False, True))
    noise = []
    for seed in (3, 4):
        loader = Loader(noisy, seed=seed, resident_bytes=resident_bytes)
        got, clean = (stream(one, 5, 12) for one in (loader, Loader(plain, seed=seed, resident_bytes=resident_bytes)))
        noise.append((got - clean) * 128)
    # U(0, 1), up to the rounding of float32 near 1: 35,640 numbers.
    joined = np.concatenate(noise)
    assert joined.min() >= -1e-4 and joined.max() <= 1 + 1e-4
    assert abs(joined.mean() - 1 / 2) < 0.01 and abs(joined.var() - 1 / 12) < 0.005
    # Every image has its own, in every epoch and with every seed.
    assert abs(np.corrcoef(joined.reshape(120, -1)) - np.eye(120)).max() < 0.3
    # It is resumed anywhere, in minibatches of any size, and by any process.
    np.testing.assert_array_equal(stream(loader, 4, 5, start=17), got[17:37])
    parts = [next(loader.local_batches(6, 12, rows))["noise"] for rows in np.split(np.arange(6), 2)]
    np.testing.assert_array_equal(np.concatenate(parts), next(loader.local_batches(6, 12))["noise"])
    np.testing.assert_array_equal(noisy.stack()["image"], plain.stack()["image"])


def test_dequantisation_is_the_same_from_the_device_and_on_a_mesh() -> None:
    source = make_source("digits_translation", image_size=8, dequantize=True)
    loaders = Loader(source), Loader(source, resident_bytes=0), Loader(source, mesh=data_mesh())
    prepared = jax.jit(prepare)
    batches = [next(loader.batches(8, 3)) for loader in loaders]
    one, *others = [prepared(batch, loader.resident) for batch, loader in zip(batches, loaders, strict=True)]
    plain = Loader(make_source("digits_translation", image_size=8))
    clean = prepared(next(plain.batches(8, 3)), plain.resident)
    noise = {key: np.asarray(one[key] - clean[key]).ravel() for key in clean}
    assert abs(np.corrcoef(noise["a"], noise["b"])[0, 1]) < 0.2  # 512 numbers of each
    for other in others:
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])
    compiled = prepared.lower(batches[2], loaders[2].resident).compile().as_text()
    assert not any(word in compiled for word in ("all-gather", "all-reduce", "all-to-all", "collective-permute"))


def test_unaligned_domains_have_their_own_orders_and_epochs(resident_bytes: int) -> None:
    source = make_source("digits_translation")
    first, second = (make_source("digits_translation").parts[which] for which in range(2))
    loader = Loader(source, resident_bytes=resident_bytes * 8)
    steps = 2 * max(len(first), len(second)) // 50
    for part, key in ((first, "a"), (second, "b")):
        seen = stream(loader, 50, steps, key=key)
        epoch = [image.tobytes() for image in seen[: len(part)]]
        assert len(set(epoch)) == len({record[key].tobytes() for record in part})
        again = [image.tobytes() for image in seen[len(part) : 2 * len(part)]]
        assert set(again) <= set(epoch) and again != epoch[: len(again)]


def test_minibatches_are_cut_along_the_mesh(resident_bytes: int, folder: pathlib.Path) -> None:
    source = make_source("folder", path=str(folder), image_size=8, flip=True)
    alone = Loader(source, seed=5, resident_bytes=resident_bytes)
    mesh = data_mesh()
    loader = Loader(source, seed=5, mesh=mesh, resident_bytes=resident_bytes)
    prepared = jax.jit(prepare)
    for batch, expected in itertools.islice(zip(loader.batches(8, 3), alone.batches(8, 3), strict=True), 4):
        for array in batch.values():
            assert array.sharding == NamedSharding(mesh, PartitionSpec("data"))
        got, expected = prepared(batch, loader.resident), prepared(expected, alone.resident)
        assert [shard.data.shape[0] for shard in got["image"].addressable_shards] == [1] * 8
        for key in got:
            np.testing.assert_array_equal(got[key], expected[key])
    compiled = prepared.lower(batch, loader.resident).compile().as_text()
    assert not any(word in compiled for word in ("all-gather", "all-reduce", "all-to-all", "collective-permute"))


def test_a_mesh_in_another_order(resident_bytes: int) -> None:
    loader = Loader(numbers(20), mesh=data_mesh(jax.devices()[::-1]), resident_bytes=resident_bytes)
    expected = stream(Loader(numbers(20)), 8, 3)
    np.testing.assert_array_equal(stream(loader, 8, 3), expected)


def test_worker_processes_read_the_same(folder: pathlib.Path) -> None:
    fields = {"path": str(folder), "image_size": (5, 6), "resize": "none", "crop": "random", "flip": True}
    expected = stream(Loader(make_source("folder", **fields), seed=1), 4, 6, start=3)
    got = stream(Loader(make_source("folder", **fields), seed=1, workers=2, threads=1), 4, 6, start=3)
    np.testing.assert_array_equal(got, expected)


def test_errors_while_reading_reach_the_caller(folder: pathlib.Path) -> None:
    source = make_source("folder", path=str(folder), image_size=8)
    loader = Loader(source, resident_bytes=0)
    for file in folder.rglob("*.png"):
        file.unlink()
    with pytest.raises(DataError, match=r"png cannot be read \(No such file or directory\), unreadable image"):
        next(loader.batches(4))


def test_batches_that_cannot_be(folder: pathlib.Path) -> None:
    loader = Loader(make_source("folder", path=str(folder)))
    with pytest.raises(DataError, match=f"^batch_size=16 exceeds the 15 records of {folder}; lower it$"):
        loader.batches(16)
    with pytest.raises(DataError, match=r"^batch_size=0; it must be at least 1$"):
        loader.batches(0)
    loader = Loader(make_source("folder", path=str(folder)), mesh=data_mesh())
    message = "^batch_size=12 is not divisible by the 8 devices of the mesh's axis 'data'; take 8$"
    with pytest.raises(DataError, match=message):
        loader.batches(12)
    mesh = jax.make_mesh((8,), ("model",), axis_types=(AxisType.Auto,))
    with pytest.raises(DataError, match=r"^the mesh has the axes \('model',\); one of them must be 'data'$"):
        Loader(make_source("folder", path=str(folder)), mesh=mesh)
