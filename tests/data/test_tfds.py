"""Sets that tensorflow_datasets prepared, made here without TensorFlow."""

import io
import logging
import pathlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, make_source

tfds = pytest.importorskip("tensorflow_datasets")


def encoded(value: int, size: tuple[int, int] = (6, 8)) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", size, (value, 0, 255 - value)).save(file, "PNG")
    file.seek(0)
    return file


class TinySet(tfds.core.GeneratorBasedBuilder):
    """Ten training and four test pictures, of two classes."""

    name = "tiny_set"
    __module__ = "standalone"  # else the builder looks for the files of a package, by means of one not installed
    VERSION = tfds.core.Version("1.0.0")
    FEATURES: dict[str, Any] = {  # noqa: RUF012
        "image": tfds.features.Image(shape=(8, 6, 3), encoding_format="png"),
        "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        "mask": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
    }

    def _info(self) -> Any:
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(self.FEATURES))

    def _split_generators(self, manager: Any) -> dict[str, Iterator[Any]]:
        return {"train": self._generate_examples(10), "test": self._generate_examples(4)}

    def _generate_examples(self, number: int) -> Iterator[Any]:
        for index in range(number):
            example = {"image": encoded(index), "label": index % 2, "mask": encoded(0)}
            yield index, {key: example[key] for key in self.FEATURES if key in example}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("tfds"))
    TinySet(data_dir=folder, file_format="array_record").download_and_prepare()
    return folder


def test_reads_images_and_labels(data_dir: str) -> None:
    source = make_source("tfds:tiny_set", path=data_dir)
    assert len(source) == 10 and source.image_shape == (8, 6, 3) and source.num_classes == 2
    assert source.arrays["label"].names == ("cat", "dog") and source.metrics == ("fid/inception",)
    seen = {}
    for record in source:
        value = int(record["image"][0, 0, 0])
        np.testing.assert_array_equal(record["image"], np.broadcast_to([value, 0, 255 - value], (8, 6, 3)))
        seen[value] = int(record["label"])
    assert seen == {value: value % 2 for value in range(10)}


def test_splits_sizes_and_versions(data_dir: str) -> None:
    assert len(make_source("tfds:tiny_set", path=data_dir, split="test")) == 4
    assert len(make_source("tfds:tiny_set:1.0.0", path=data_dir, split="train[:50%]")) == 5
    assert make_source("tfds:tiny_set", path=data_dir, image_size=4, channels=1)[0]["image"].shape == (4, 4, 1)


def test_can_be_pickled(data_dir: str) -> None:
    source = make_source("tfds:tiny_set", path=data_dir)
    source[0]
    copy = pickle.loads(pickle.dumps(source))
    for one, other in zip(source, copy, strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])


def test_without_tensorflow(data_dir: str) -> None:
    code = (
        "import sys\n"
        "from jaxgan.data import make_source\n"
        f"assert make_source('tfds:tiny_set', path={data_dir!r})[3]['image'].shape == (8, 6, 3)\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_set_that_is_not_there(data_dir: str) -> None:
    with pytest.raises(DataError) as caught:
        make_source("tfds:tinyset", path=data_dir)
    assert str(caught.value) == (
        f"{data_dir} holds no prepared data set tinyset; did you mean 'tiny_set'?; prepare it where TensorFlow is "
        f"installed: tfds build tinyset --file_format=array_record --data_dir={data_dir}"
    )
    with pytest.raises(DataError, match=r"holds no prepared data set tiny_set:2.0.0"):
        make_source("tfds:tiny_set:2.0.0", path=data_dir)


def test_a_split_that_is_not_there(data_dir: str) -> None:
    with pytest.raises(DataError, match=r"has no images in split 'tran'; did you mean 'train'\? .*: test, train"):
        make_source("tfds:tiny_set", path=data_dir, split="tran")


def test_prepared_in_another_format(data_dir: str, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "tiny_set" / "1.0.0"
    folder.mkdir(parents=True)
    for file in (pathlib.Path(data_dir) / "tiny_set" / "1.0.0").glob("*.json"):
        (folder / file.name).write_text(file.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(DataError, match=r"is prepared as tfrecord, not as array_record; prepare it .*: tfds build"):
        make_source("tfds:tiny_set", path=str(tmp_path))


def test_variants_are_listed(data_dir: str, tmp_path: pathlib.Path) -> None:
    origin = pathlib.Path(data_dir) / "tiny_set" / "1.0.0"
    for variant in ("attic", "bedroom"):
        (tmp_path / "rooms" / variant).mkdir(parents=True)
        (tmp_path / "rooms" / variant / "1.0.0").symlink_to(origin, target_is_directory=True)
    assert len(make_source("tfds:rooms/attic", path=str(tmp_path))) == 10
    with pytest.raises(DataError, match=r"rooms has several variants: set data.name to one of tfds:rooms/\{attic,bed"):
        make_source("tfds:rooms", path=str(tmp_path))


def test_the_highest_version_is_read(data_dir: str, tmp_path: pathlib.Path) -> None:
    origin = pathlib.Path(data_dir) / "tiny_set" / "1.0.0"
    (tmp_path / "tiny_set" / "9.0.0").mkdir(parents=True)  # prepared halfway: no dataset_info.json
    for version in ("2.0.0", "10.0.0"):
        (tmp_path / "tiny_set" / version).symlink_to(origin, target_is_directory=True)
    with pytest.raises(DataError, match=r"10.0.0 has no images in split 'none'"):
        make_source("tfds:tiny_set", path=str(tmp_path), split="none")


class TextSet(TinySet):
    """No picture at all."""

    name = "text_set"
    __module__ = "standalone"
    FEATURES = {"label": tfds.features.ClassLabel(names=["cat", "dog"])}  # noqa: RUF012


class MaskSet(TinySet):
    """One picture, called otherwise, and no label."""

    name = "mask_set"
    __module__ = "standalone"
    FEATURES = {"mask": tfds.features.Image(shape=(None, None, 3), encoding_format="png")}  # noqa: RUF012


def test_other_features(tmp_path: pathlib.Path) -> None:
    for builder in (TextSet, MaskSet):
        builder(data_dir=str(tmp_path), file_format="array_record").download_and_prepare()
    with pytest.raises(DataError, match=r"text_set has 0 image features and none is called 'image'; .*\['label'\]"):
        make_source("tfds:text_set", path=str(tmp_path))
    source = make_source("tfds:mask_set", path=str(tmp_path))
    assert source.num_classes == 0 and set(source[0]) == set(source.arrays) == {"image"}
    with pytest.raises(DataError, match=r"data.labelled=2, but tfds:mask_set.* has no images with labels; set it to 0"):
        make_source("tfds:mask_set", path=str(tmp_path), labelled=2)


class PartlySet(TinySet):
    """Labels in a part of the splits: -1 is none."""

    name = "partly_set"
    __module__ = "standalone"

    def _split_generators(self, manager: Any) -> dict[str, Iterator[Any]]:
        told = {"train": lambda index: index % 2, "unlabelled": lambda index: -1}
        return {split: self._labelled(label, 20) for split, label in told.items()} | {
            "rarely": self._labelled(lambda index: -1 if index == 777 else index % 2, 1500)
        }

    def _labelled(self, label: Callable[[int], int], number: int) -> Iterator[Any]:
        for index in range(number):
            yield index, {"image": encoded(index % 256), "label": label(index), "mask": encoded(0)}


def test_records_without_a_label(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "jaxgan.data")
    PartlySet(data_dir=str(tmp_path), file_format="array_record").download_and_prepare()
    assert make_source("tfds:partly_set", path=str(tmp_path)).num_classes == 2 and not caplog.text
    for split, said in (("unlabelled", "20 of 20 records"), ("train+unlabelled", "20 of 40 records")):
        source = make_source("tfds:partly_set", path=str(tmp_path), split=split)
        assert set(source[0]) == set(source.arrays) == {"image"} and source.num_classes == 0
        assert f"tfds:partly_set[{split}] is read without labels: {said} have none, such as" in caplog.text
    # A few of very many that have one are said when they are read.
    rare = make_source("tfds:partly_set", path=str(tmp_path), split="rarely")
    with pytest.raises(DataError, match=r"^record \d+ of tfds:partly_set\[rarely\] has no label, but others have; set"):
        rare.stack()
