"""The `data` fields of a config: what they accept, and what they say when they do not."""

import dataclasses
import pathlib
import re

import pytest
from ml_collections import ConfigDict
from PIL import Image

from jaxgan.data import DataConfig, DataError, make_source


def test_names_dicts_and_configs_are_equal() -> None:
    fields = {"name": "digits", "image_size": (12, 10), "flip": True, "split": "test"}
    for source in (
        make_source("digits", image_size=[12, 10], flip=True, split="test"),
        make_source(fields),
        make_source(ConfigDict(fields)),
        make_source(DataConfig(**fields)),
        make_source(ConfigDict({**fields, "split": "train"}), split="test"),
    ):
        assert source.image_shape == (12, 10, 1) and source.flip and len(source) == 359
    assert len(make_source()) == 1438


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "digit"}, "data.name='digit' is unknown; did you mean 'digits'? (there are digits, "),
        ({"image_sise": 32}, "data has no field 'image_sise'; did you mean 'image_size'? (its fields: name, path, "),
        (
            {"image_size": "32"},
            "data.image_size='32' is not a size; give a number of pixels, 1 to 16384, or (height, width)",
        ),
        ({"image_size": 0}, "data.image_size=0 is not a size"),
        (
            {"image_size": (16384, 4097)},
            "data.image_size=(16384, 4097) is more than 67,108,864 pixels; make it smaller",
        ),
        ({"image_size": (3, 4, 5)}, "data.image_size=(3, 4, 5) is not a size"),
        ({"image_size": True}, "data.image_size=True is not a size"),
        ({"channels": 2}, "data.channels=2 is unknown (there are 1, 3, 4)"),
        ({"flip": "yes"}, "data.flip='yes' is a str; give a bool"),
        ({"split": 1}, "data.split=1 is a int; give a str"),
        (
            {"resize": "strech"},
            "data.resize='strech' is unknown; did you mean 'stretch'? (there are cover, stretch, none",
        ),
        ({"crop": "center"}, "data.crop='center' is unknown; did you mean 'centre'?"),
        ({"resample": "cubic"}, "data.resample='cubic' is unknown; did you mean 'bicubic'?"),
        ({"path": "/data"}, "data.path='/data' means nothing to 'digits'; leave it out"),
        ({"name": "ring8", "flip": True}, "data.flip=True means nothing to 'ring8'; leave it out"),
        ({"name": "ring8", "scale": -1.0}, "data.scale=-1.0 is not a number of at least 0"),
        ({"load_size": 8}, "data.load_size=(8, 8) is smaller than data.image_size=(16, 16); make it larger"),
        ({"name": "ring8", "split": "val"}, "data.split='val' is unknown to ring8; choose 'train' or 'test'"),
    ],
)
def test_errors_name_the_field_and_the_cure(fields: dict, message: str) -> None:
    with pytest.raises(DataError, match="^" + re.escape(message)) as caught:
        make_source(fields)
    assert "\n" not in str(caught.value)


def test_fields_that_need_another(tmp_path: pathlib.Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "1.png")
    for field, message in (
        ({"crop": "random"}, "data.crop='random' needs data.image_size; set it"),
        (
            {"crop": "random_square", "image_size": 4, "load_size": 8},
            "data.load_size means nothing with data.crop='random_square', which resizes what it cuts; leave it out",
        ),
        (
            {"crop": "random_square", "image_size": 4, "resize": "none"},
            "data.resize means nothing with data.crop='random_square', which resizes what it cuts; leave it out",
        ),
        ({"resize": "none"}, "data.resize='none' needs data.image_size; set it"),
        ({"load_size": 4}, "data.load_size=(4, 4) needs data.image_size, the size that is cropped out of it"),
        (
            {"load_size": 4, "image_size": 3, "resize": "none"},
            "data.load_size=(4, 4) means nothing with data.resize='none'",
        ),
    ):
        with pytest.raises(DataError, match="^" + re.escape(message)):
            make_source("folder", path=str(tmp_path), **field)


def test_labels_where_none_exist(tmp_path: pathlib.Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "1.png")
    source = make_source("folder", path=str(tmp_path))
    assert set(source.arrays) == {"image"} and source.num_classes == 0
    message = f"data.labelled=10, but {tmp_path} has no images with labels; set it to 0"
    with pytest.raises(DataError, match="^" + re.escape(message)):
        make_source("folder", path=str(tmp_path), labelled=10)


def test_every_field_is_documented() -> None:
    page = (pathlib.Path(__file__).parents[2] / "docs" / "data.md").read_text()
    table = page[page.index("## Fields") : page.index("`Loader` has its own arguments")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [
        field.name for field in dataclasses.fields(DataConfig)
    ]
