"""Data sets that tensorflow_datasets has prepared as array_record, read without TensorFlow."""

import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.core.arrays import evenly
from jaxgan.data.errors import AbsentDataError, DataError, nearest
from jaxgan.data.listing import say_once, stamp
from jaxgan.errors import UserError
from jaxgan.foreign import open_picture, parse_json, read_json

_LOOKED_AT = 64  # records whose labels tell whether a split has any


class TfdsPictures:
    """The images, and labels if there are any, of one split of a prepared set.

    Args:
        name: Of the set: "cifar10", "cifar10:3.0.2", "lsun/bedroom" ...; without a version the highest one on disk.
        data_dir: Where tensorflow_datasets keeps its sets; "" for ~/tensorflow_datasets.
        split: Any split expression of tensorflow_datasets, like "train" or "train[:90%]".

    Attributes:
        channels: Of the images.
        class_names: Of the labels; () without, also where the records of the split have none.

    Raises:
        DataError: No such set, prepared in another format, without such a split, or without images.
    """

    labels: np.ndarray | None = None  # only its records tell

    def __init__(self, name: str, data_dir: str, split: str) -> None:
        data_dir = os.path.expanduser(data_dir or "~/tensorflow_datasets")
        folder = _prepared_folder(name, data_dir)
        try:
            import array_record  # noqa: F401  # what tensorflow_datasets reads the files with
            import tensorflow_datasets as tfds
        except ImportError as error:
            raise AbsentDataError(
                f"reading tfds:{name} needs a package ({error}); pip install 'jaxgan[tfds]'"
            ) from error
        _check_classes(folder)
        self._folder = folder
        try:
            builder = tfds.builder_from_directory(folder)
        except Exception as error:  # a damaged description can be wrong in every way there is
            raise DataError(
                f"{folder} cannot be read as a prepared set ({type(error).__name__}); {_how_to_prepare(name, data_dir)}"
            ) from error
        if builder.info.file_format is not tfds.core.FileFormat.ARRAY_RECORD:
            raise DataError(
                f"{folder} is prepared as {builder.info.file_format.value}, not as array_record; "
                + _how_to_prepare(name, data_dir)
            )
        self._image_key = image_key = _image_key(name, builder.info.features, tfds.features.Image)
        features = {image_key: builder.info.features[image_key]}
        self.channels = features[image_key].shape[-1] or 3
        label = dict(builder.info.features.items()).get("label")
        self.class_names = tuple(label.names) if isinstance(label, tfds.features.ClassLabel) else ()
        if self.class_names:
            features["label"] = label
        # Only what is used is parsed, and Pillow decodes the images: the decoders of tensorflow_datasets would need
        # TensorFlow or OpenCV.
        self._features = tfds.features.FeaturesDict(features)
        self._decoders = {image_key: tfds.decode.SkipDecoding()}
        self._name = f"tfds:{name}[{split}]"
        try:
            self._records = builder.as_data_source(split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)
        except (ValueError, KeyError) as error:
            known = sorted(builder.info.splits)
            raise DataError(
                f"{folder} has no images in split {split!r}{nearest(split, known)} (its splits: {', '.join(known)})"
            ) from error
        # tensorflow_datasets gives -1 to what has no label: all of a test split whose labels are secret, all of STL-10's
        # unlabelled one. Some records from everywhere tell.
        chosen = evenly(_LOOKED_AT, len(self) if self.class_names else 0).tolist()
        if lacking := [index for index in chosen if self._record(index)["label"] < 0]:
            say_once(
                f"{self._name} is read without labels: {len(lacking)} of {len(chosen)} records have none, such as {lacking[0]}"
            )
            self.class_names = ()

    def __len__(self) -> int:
        return len(self._records)

    def open(self, index: int) -> tuple[Image.Image, int | None]:
        record = self._record(index)
        label = record["label"] if self.class_names else None
        if label is not None and label < 0:
            raise DataError(
                f"{self.where(index)} has no label, but others have; set data.split to records that have one"
            )
        return open_picture(io.BytesIO(record[self._image_key])), label

    def _record(self, index: int) -> dict[str, Any]:
        """A record's label, and its image as the bytes of a file."""
        return self._features.deserialize_example_np(self._records[index], decoders=self._decoders)

    def where(self, index: int) -> str:
        return f"record {index} of {self._name}"

    def stamp(self) -> str:
        """What changes when the prepared set does: its files, as the file system notes them."""
        files = sorted(entry.path for entry in os.scandir(self._folder) if entry.is_file())
        return " ".join([self._name, *(f"{os.path.basename(path)} {stamp(path)}" for path in files)])


def _check_classes(folder: str) -> None:
    """Refuses a set whose features are classes of anything but tensorflow_datasets, which would import what they name."""
    file = Path(folder, "features.json")
    try:
        named = sorted(_dotted(read_json(file), file))
    except UserError as error:
        raise DataError(str(error)) from error
    # tensorflow_datasets.FeaturesDict and the like are messages, which are looked up and not imported.
    own = re.compile(r"tensorflow_datasets\.(core\.features\.[\w.]+|\w+)")
    if foreign := [name for name in named if not own.fullmatch(name)]:
        raise DataError(
            f"{file} names code of its own, {', '.join(foreign)}, which would be imported and run: "
            "prepare the set with features of tensorflow_datasets"
        )


def _dotted(value: Any, where: Path) -> set[str]:
    """Every text in a features.json that could name a Python class, whatever it stands under, and within JSON in a string too:
    the format has several forms, old and new.

    Raises:
        UserError: What looks like JSON in a string is none.
    """
    if isinstance(value, dict):
        return set().union(*(_dotted(item, where) for each in value.items() for item in each))
    if isinstance(value, list):
        return set().union(*(_dotted(item, where) for item in value))
    if not isinstance(value, str):
        return set()
    if value.strip()[:1] in ("{", "[", '"'):
        return _dotted(parse_json(value, where), where)
    return {value} if re.fullmatch(r"\s*[^\W\d]\w*(\.[^\W\d]\w*)+\s*", value) else set()


def _image_key(name: str, features: Any, image_type: type) -> str:
    """The feature to train on: "image", or the only one that is an image."""
    images = sorted(key for key, feature in features.items() if isinstance(feature, image_type))
    if "image" in images or len(images) == 1:
        return "image" if "image" in images else images[0]
    raise DataError(
        f"tfds:{name} has {len(images)} image features and none is called 'image'; its features are {sorted(features)}"
    )


def _prepared_folder(name: str, data_dir: str) -> str:
    """The folder `data_dir`/name[/config]/version that holds a prepared set."""
    dataset, _, version = name.partition(":")
    root = os.path.join(data_dir, *dataset.split("/"))
    versions = sorted(os.listdir(root), key=_numbers) if os.path.isdir(root) else []
    versions = [entry for entry in versions if _is_prepared(os.path.join(root, entry)) and version in ("", entry)]
    if versions:
        return os.path.join(root, versions[-1])
    configs = _configs(root) if os.path.isdir(root) else []
    if configs and not version:
        raise DataError(f"{root} has several variants: set data.name to one of tfds:{dataset}/{{{','.join(configs)}}}")
    others = sorted(os.listdir(data_dir)) if os.path.isdir(data_dir) else []
    raise AbsentDataError(
        f"{data_dir} holds no prepared data set {name}{nearest(name, others)}; {_how_to_prepare(name, data_dir)}"
    )


def _configs(root: str) -> list[str]:
    """The variants (LSUN's rooms, say) that are prepared below a set's folder."""
    folders = [entry for entry in sorted(os.listdir(root)) if os.path.isdir(os.path.join(root, entry))]
    return [entry for entry in folders if any(_is_prepared(path) for path in _below(os.path.join(root, entry)))]


def _below(folder: str) -> list[str]:
    return [os.path.join(folder, entry) for entry in os.listdir(folder)]


def _is_prepared(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "dataset_info.json"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _how_to_prepare(name: str, data_dir: str) -> str:
    return (
        f"prepare it where TensorFlow is installed: tfds build {name} --file_format=array_record --data_dir={data_dir}"
    )
