"""Arrays in memory, objects with a length and items, and arrays in files."""

import types
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import ArraySource, DataError, Loader, arrays, items, make_source, prepare
from jaxgan.data.items import MEMORY

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), np.uint8)
LABELS = np.array([0, 2, 1, 0, 2, 1])


def read(source):
    return np.stack([source[index]["image"] for index in range(len(source))])


def test_arrays_are_records_as_they_are():
    source = arrays(PIXELS, LABELS)
    assert isinstance(source, ArraySource) and source.arrays["label"].names == ("0", "1", "2")
    np.testing.assert_array_equal(read(source), PIXELS)
    grey = arrays(PIXELS[..., 0])
    assert grey.arrays["image"].shape == (5, 7, 1) and "label" not in grey.arrays
    points = arrays(np.zeros((3, 2)))
    assert points.arrays["image"].kind == "vector"


def test_classes_of_arrays_may_be_names():
    source = arrays(PIXELS, np.array(["shoe", "boot", "boot", "shoe", "hat", "hat"]))
    assert source.arrays["label"].names == ("boot", "hat", "shoe")
    assert [int(source[index]["label"]) for index in range(6)] == [2, 0, 0, 2, 1, 1]
    assert arrays(PIXELS, LABELS, classes=("a", "b", "c")).arrays["label"].names == ("a", "b", "c")
    with pytest.raises(DataError, match="label names the class 'hat', which is not in classes; add it"):
        arrays(PIXELS[:1], np.array(["hat"]), classes=("boot",))


def test_arrays_are_resized_mirrored_and_labelled_as_files_are():
    source = arrays(PIXELS, LABELS, image_size=(2, 2), channels=1, labelled=3)
    assert source.arrays["image"].shape == source.arrays["labelled_image"].shape == (2, 2, 1)
    covered = (
        Image.fromarray(PIXELS[0]).convert("L").resize((3, 2), Image.Resampling.BICUBIC)
    )  # and then the middle of it
    np.testing.assert_array_equal(source[0]["image"][..., 0], np.asarray(covered)[:, 1:])
    flipped = arrays(PIXELS, flip=True)
    np.testing.assert_array_equal(flipped.record(0, np.array([0.0, 0.5, 0.5]))["image"], PIXELS[0, :, ::-1])
    assert flipped.stamp() and flipped.stamp() != arrays(255 - PIXELS, flip=True).stamp()
    loader = Loader(arrays(PIXELS, LABELS, image_size=4))
    batch = prepare(next(loader.batches(4)), loader.resident)
    assert batch["image"].shape == (4, 4, 4, 3)
    with pytest.raises(DataError, match=r"flip is for images, uint8 \(N, H, W, C\), but these are float32 \(6, 2\)"):
        arrays(np.zeros((6, 2), np.float32), flip=True)
    with pytest.raises(DataError, match=r"data.path='x' means nothing to 'images in memory'"):
        arrays(PIXELS, path="x")


@pytest.mark.parametrize(
    "item",
    [
        lambda index: Image.fromarray(PIXELS[index]),
        lambda index: PIXELS[index],
        lambda index: PIXELS[index].transpose(2, 0, 1),  # as torch has it
        lambda index: np.float32(PIXELS[index].transpose(2, 0, 1)) / 255,
        lambda index: (PIXELS[index], LABELS[index]),
        lambda index: {"img": Image.fromarray(PIXELS[index]), "label": int(LABELS[index])},
    ],
)
def test_an_item_may_have_any_of_the_usual_forms(item):
    source = items([item(index) for index in range(6)])
    np.testing.assert_array_equal(read(source), PIXELS)
    labelled = "label" in source.arrays
    assert labelled == isinstance(item(0), tuple | dict)
    if labelled:
        assert [int(source[index]["label"]) for index in range(6)] == LABELS.tolist()


def test_torch_is_read_by_the_same_adapter():
    torch = pytest.importorskip("torch")
    tensors = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255
    source = items(torch.utils.data.TensorDataset(tensors, torch.from_numpy(LABELS)), image_size=4)
    assert source.arrays["image"].shape == (4, 4, 3) and source.arrays["label"].names == ("0", "1", "2")
    assert [int(source[index]["label"]) for index in range(6)] == LABELS.tolist()
    np.testing.assert_array_equal(
        read(items(torch.utils.data.TensorDataset(tensors, torch.from_numpy(LABELS)))), PIXELS
    )


def test_grain_is_read_by_the_same_adapter():
    import grain

    dataset = grain.MapDataset.source(list(zip(PIXELS, LABELS.tolist(), strict=True)))
    np.testing.assert_array_equal(read(items(dataset)), PIXELS)


@pytest.mark.parametrize(
    "told",
    [
        {"classes": ["a", "b", "c"]},  # torchvision
        {"features": {"label": types.SimpleNamespace(names=["a", "b", "c"])}},  # Hugging Face
        {
            "dataset_info": types.SimpleNamespace(features={"label": types.SimpleNamespace(names=["a", "b", "c"])})
        },  # tfds
    ],
)
def test_a_dataset_says_what_its_classes_are_called(told):
    class Dataset(list):
        pass

    dataset = Dataset(zip(PIXELS, LABELS, strict=True))
    dataset.__dict__.update(told)
    assert items(dataset).arrays["label"].names == ("a", "b", "c")
    assert items(dataset, classes="xyz").arrays["label"].names == ("x", "y", "z")


def test_labels_that_a_dataset_tells_beside_its_items_are_not_read_from_them():
    class Dataset(list):
        targets = LABELS.tolist() * 10
        read = 0

        def __getitem__(self, index):
            type(self).read += 1
            return super().__getitem__(index)

    source = items(Dataset([*zip(PIXELS, LABELS, strict=True)] * 10), channels=3, image_size=4)
    assert source.labels().tolist() == LABELS.tolist() * 10 and Dataset.read < 10


class Folder(list):
    """A dataset of pairs as torchvision makes them: `targets` says what the files are, and functions may change it."""

    def __init__(self, change=None, **told):
        super().__init__([*zip(PIXELS, LABELS.tolist(), strict=True)] * 10)
        self.targets, self._change = LABELS.tolist() * 10, change
        self.__dict__.update(told)

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image, self._change(index, label) if self._change else label


class StandardTransform(NamedTuple):
    """What torchvision makes of functions of pictures and of targets that are given apart."""

    transform: Any
    target_transform: Any


def test_labels_are_those_of_the_items_where_a_dataset_changes_them():
    def turned(index, label):
        return 2 - label

    for told in (
        {"target_transform": turned, "transforms": StandardTransform(None, turned)},
        {"transforms": lambda image, label: (image, 2 - label)},  # a function of both
        {},  # it does not say that it does: the first items show it
    ):
        assert items(Folder(turned, **told), image_size=4).labels().tolist() == (2 - LABELS).tolist() * 10
    # One item alone is another, at either end or in the middle.
    for place in (0, 30, 59):
        alone = items(
            Folder(lambda index, label, place=place: 1 - label % 2 if index == place else label), image_size=4
        )
        expected = [1 - one % 2 if index == place else one for index, one in enumerate(LABELS.tolist() * 10)]
        assert alone.labels().tolist() == expected


def test_what_changes_pictures_alone_leaves_the_labels_where_they_are_told():
    read = []
    dataset = Folder(lambda index, label: read.append(index) or label, target_transform=None)
    dataset.transforms = StandardTransform(lambda image: image, None)
    assert items(dataset, image_size=4, channels=3).labels().tolist() == LABELS.tolist() * 10
    assert len(read) < 10


@pytest.mark.parametrize(
    "label", [LABELS + 0.5, LABELS.astype(float), LABELS[:, None], LABELS[:4], LABELS.astype(object)]
)
def test_labels_that_are_no_whole_numbers_are_refused(label):
    with pytest.raises(DataError, match=r"^the labels of memory are .*; give a whole number for each picture$"):
        arrays(PIXELS, label, image_size=4)
    with pytest.raises(DataError):
        arrays(PIXELS, label)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (iter([1]), "a list_iterator has no length and no items"),
        ([], "the list has no items; give one that has"),
        ([{"pixels": 3}], "item 0 of list has pixels, but no 'image'; give it one"),
        ([np.float32(PIXELS[0]) - 128], "item 0 of list has numbers from -128 to 1..; give floats"),
        ([np.zeros((2, 3, 5), np.uint8)], r"item 0 of list is uint8 \(2, 3, 5\); give a picture of Pillow"),
        ([np.zeros((4, 4, 3), np.uint16)], r"item 0 of list is uint16 \(4, 4, 3\); give uint8"),
        ([(PIXELS[0], 0.5)], r"the labels of list are float64 \(1,\); give a whole number for each picture"),
        ([(PIXELS[0], -1)], "list has the label -1, but 0 classes; number them from 0 on"),
    ],
)
def test_what_is_no_picture_is_said(dataset, message):
    with pytest.raises(DataError, match=message):
        read(items(dataset))


def test_what_a_config_names_may_return_a_dataset(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def made(config):\n"
        "    number = {'train': 3, 'test': 2}[config.split]\n"
        "    return [(np.full((8, 6, 3), index, np.uint8), index % 2) for index in range(number)]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    source = make_source("mine:made", image_size=4)
    assert len(source) == 3 and source.arrays["image"].shape == (4, 4, 3) and source.num_classes == 2
    assert len(make_source("mine:made", split="test", labelled=2)) == 2


@pytest.mark.parametrize("kind", ["npz", "hdf5"])
def test_arrays_in_files(kind, tmp_path):
    def write(name, image, **more):
        if kind == "npz":
            np.savez(tmp_path / f"{name}.npz", image=image, **more)
            return str(tmp_path / f"{name}.npz")
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["image"] = image
            for key, value in more.items():
                file[key] = value.tolist() if value.dtype.kind == "U" else value
        return str(tmp_path / f"{name}.h5")

    path = write("train", PIXELS, label=LABELS, classes=np.array(["a", "b", "c"]))
    source = make_source(kind, path=path)
    np.testing.assert_array_equal(read(source), PIXELS)
    assert source.arrays["label"].names == ("a", "b", "c") and source.labels().tolist() == LABELS.tolist()
    assert source.stamp() and make_source(kind, path=path, image_size=2, channels=1).arrays["image"].shape == (2, 2, 1)
    write("test", PIXELS[:2, :, :, 0])
    assert len(make_source(kind, path=str(tmp_path), split="test")) == 2
    for fields, message in (
        ({"path": path, "split": "test"}, "is not split; set data.path to a folder of train"),
        ({"path": str(tmp_path), "split": "val"}, "has no val"),
        ({"path": str(tmp_path / "none")}, "does not exist; set data.path to a file that ends in"),
        ({"path": write("wrong", np.zeros((3, 4, 4, 3)))}, "holds float64 .* as its images"),
        ({"path": write("few", PIXELS, label=LABELS[:2])}, r"has labels int64 \(2,\) for 6 images"),
    ):
        with pytest.raises(DataError, match=message):
            make_source(kind, **fields)


def test_hdf5_without_its_library_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(DataError, match=r"^data.name='hdf5' needs h5py: pip install 'jaxgan\[hdf5\]'$"):
        make_source("hdf5", path=str(tmp_path))


def test_data_in_memory_cannot_be_made_again():
    with pytest.raises(DataError, match="the data lay in memory, and only Python can give them again"):
        make_source(MEMORY)
