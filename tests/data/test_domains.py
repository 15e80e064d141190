"""Any number of domains, in folders and of digits, and attributes of pictures from a table."""

import pathlib

import numpy as np
import pytest

from jaxgan.core.arrays import ArraySpec
from jaxgan.data import ArraySource, DataError, Loader, make_source, prepare
from tests.data.test_files import save, values, zipped


def test_a_folder_for_each_domain(tmp_path: pathlib.Path) -> None:
    for split, base in (("train", 0), ("test", 100)):
        for number, name in enumerate(("winter", "autumn", "spring")):
            for index in range(number + 1):
                save(tmp_path / "set" / split / name / f"{index}.png", base + 10 * number + index)
    source = make_source("many_folders", path=str(tmp_path))
    assert source.domains == ("autumn", "spring", "winter") and list(source.arrays) == ["a", "b", "c"]
    assert [len(part) for part in source.parts] == [2, 3, 1] and len(source) == 3
    assert (
        values(source, "a") == [10, 11, 10] and values(source, "b") == [20, 21, 22] and values(source, "c") == [0, 0, 0]
    )
    # Those that are named, in their order; and the same out of a zip.
    chosen = {"domains": ("spring", "autumn"), "split": "test"}
    for path in (tmp_path, zipped(tmp_path / "set", tmp_path / "set.zip")):
        some = make_source("many_folders", path=str(path), **chosen)
        assert (
            some.domains == chosen["domains"]
            and values(some, "a") == [120, 121, 122]
            and values(some, "b")[:2] == [110, 111]
        )
    with pytest.raises(
        DataError,
        match=r"names 'sprnig', but .* has no such folder \(it has autumn, spring, winter\); did you mean 'spring'\?; leave",
    ):
        make_source("many_folders", path=str(tmp_path), domains=("winter", "sprnig"))
    with pytest.raises(DataError, match=r"has 1 domains; choose 2 to 26 by data.domains$"):
        make_source("many_folders", path=str(tmp_path), domains=("winter",))
    save(tmp_path / "set" / "train" / "summer" / "1.png", 1)
    with pytest.raises(DataError, match=r"has no image of the domain summer in its split 'test'; add one$"):
        make_source("many_folders", path=str(tmp_path), split="test")
    with pytest.raises(DataError, match=r"flat has no folder for each domain; make train/cats, train/dogs ...$"):
        save(tmp_path / "flat" / "1.png", 1)
        make_source("many_folders", path=str(tmp_path / "flat"))


NAMES = ("digits", "inverted", "edges", "dim", "bar")


@pytest.mark.parametrize("number", [2, 3, 5])
def test_digits_of_several_domains_have_no_digit_in_common(number: int) -> None:
    source = make_source("digits_translation", domains=NAMES[:number], image_size=8)
    parts = [part._source.pictures for part in source.parts]
    numbers = [set(part.numbers.tolist()) for part in parts]
    assert sum(map(len, numbers)) == len(set.union(*numbers)) == 1438
    for part in parts:
        labels = np.bincount([part.open(index)[1] for index in range(len(part))])
        assert labels.min() >= 1438 / 10 / number - 4 and labels.max() <= 1438 / 10 / number + 4
    assert source.arrays["label"].names == tuple("0123456789") and source.metrics == ("translation",)


def test_held_out_digits_are_the_same_in_all_domains() -> None:
    source = make_source("digits_translation", domains=NAMES, split="test")
    records, plain = source.stack(), make_source("digits", split="test").stack()
    assert source.domains == NAMES and list(source.arrays) == [*"abcde", "label"]
    np.testing.assert_array_equal(records["label"], plain["label"])
    np.testing.assert_array_equal(records["a"], plain["image"])
    np.testing.assert_array_equal(records["b"], 255 - plain["image"])
    np.testing.assert_array_equal(records["d"], np.round(plain["image"] * 0.4))
    assert (records["e"][:, :, :2] == 255).all()  # an eighth of 16 columns
    np.testing.assert_array_equal(records["e"][:, :, 2:], plain["image"][:, :, 2:])
    other = make_source("digits", split="test", domain="edges").stack()
    np.testing.assert_array_equal(records["c"], other["image"])


def test_two_domains_by_name_are_those_of_the_field_domain() -> None:
    by_name = make_source("digits_translation", domains=("digits", "thickened"))
    usual = make_source("digits_translation", domain="thickened")
    assert by_name.domains == usual.domains
    for key, array in by_name.stack().items():
        np.testing.assert_array_equal(array, usual.stack()[key])


def test_minibatches_of_domains_on_the_device_and_read() -> None:
    fields = {"domains": NAMES[:3], "image_size": 8}
    resident, read = (Loader(make_source("digits_translation", **fields), resident_bytes=size) for size in (2**28, 0))
    first, second = (prepare(next(loader.batches(16, start=480)), loader.resident) for loader in (resident, read))
    assert first.keys() == {"a", "b", "c", "label"}
    for key, array in first.items():
        np.testing.assert_array_equal(array, second[key])


def test_what_digits_in_domains_cannot_be() -> None:
    make = lambda **fields: make_source("digits_translation", **fields)  # noqa: E731
    with pytest.raises(DataError, match=r"^data.domain='edges' means nothing beside data.domains; leave it out$"):
        make(domains=NAMES, domain="edges")
    with pytest.raises(
        DataError, match=r"^data.domains names 'edgs', which is unknown; did you mean 'edges'\? \(there are"
    ):
        make(domains=("digits", "edgs"))
    with pytest.raises(
        DataError, match=r"^data.domains=\('digits', 'digits'\) has a name twice; leave one of them out$"
    ):
        make(domains=("digits", "digits"))
    with pytest.raises(
        DataError, match=r"^data.domains='digits' is not a tuple of names; give one, such as \('x', 'y'\)$"
    ):
        make(domains="digits")
    with pytest.raises(DataError, match=r"'coloured' needs data.channels=3, not 1"):
        make(domains=("digits", "coloured"), channels=1)
    assert make(domains=("digits", "coloured")).image_shape == (16, 16, 3)


# ---- attributes


CELEBA = """3
5_o_Clock_Shadow Bald   Young
1.png -1  1 -1
2.png  1 -1 -1
sub/3.png -1 -1  1
"""
CSV = """image_id,5_o_Clock_Shadow,Bald,Young
1.png,0,1,0
"2.png", 1,0,0

sub/3.png,0,0,1
"""


@pytest.fixture
def faces(tmp_path: pathlib.Path) -> pathlib.Path:
    for number, name in enumerate(("1.png", "2.png", "sub/3.png"), 1):
        save(tmp_path / "faces" / name, number)
    return tmp_path


def attributed(folder: pathlib.Path, text: str | bytes, **fields: object) -> ArraySource:
    (folder / "list.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    where = {"path": str(folder / "faces"), "attributes_file": str(folder / "list.txt")}
    return make_source("folder", **(where | fields))


@pytest.mark.parametrize("text", [CELEBA, CSV, CSV.replace("0", "-1"), "\ufeff" + CSV.replace("\n", "\r\n")])
def test_a_table_in_celebas_layout_and_as_a_csv(faces: pathlib.Path, text: str) -> None:
    source = attributed(faces, text.replace("5_o_Clock", "Five"), attributes=("Young", "Bald"))
    assert source.arrays["attributes"] == ArraySpec((2,), "float32", "attributes", ("Young", "Bald"))
    records = source.stack()
    assert values(source) == [1, 2, 3] and records["attributes"].dtype == np.float32
    np.testing.assert_array_equal(records["attributes"], [[0, 1], [0, 0], [1, 0]])
    everything = attributed(faces, text.replace("5_o_Clock", "Five"))
    np.testing.assert_array_equal(everything.stack()["attributes"], [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    batch = prepare(next(Loader(source).batches(3)), Loader(source).resident)
    assert batch["attributes"].shape == (3, 2) and str(batch["attributes"].dtype) == "float32"


def test_an_attribute_follows_the_picture_that_is_read_in_the_place_of_another(faces: pathlib.Path) -> None:
    (faces / "faces" / "1.png").write_bytes(b"no picture")
    source = attributed(faces, CSV, max_unreadable=0.5, image_size=4, attributes=("5_o_Clock_Shadow",))
    assert [float(record["attributes"][0]) for record in source] == [1, 1, 0]


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        (
            CSV,
            {"attributes": ("Yung",)},
            r"data.attributes names 'Yung', which is not in .*list.txt; did you mean 'Young'\?$",
        ),
        (
            CSV.replace("sub/3.png", "4.png"),
            {},
            r"list.txt has no row for 1 of 3 pictures of .*faces, such as sub/3.png; add it",
        ),
        (CSV.replace("0,1,0", "0,2,0"), {}, r"list.txt, line 2: Bald is '2'; an attribute must be 1, 0 or -1$"),
        (CELEBA.replace(" 1 -1 -1", " 1 -1 no"), {}, r"list.txt, line 4: Young is 'no'; an attribute must be"),
        (CSV.replace("0,1,0", "0,1"), {}, r"list.txt, line 2 has 3 columns, but the header has 4; repair it$"),
        (CSV.replace("Bald", "Young"), {}, r"list.txt has the attribute 'Young' twice; rename one$"),
        ("", {}, r"list.txt has no row of a picture; give it a header and a row for each picture$"),
        ("name\n1.png\n", {}, r"list.txt has one column alone in its header; separate columns by commas$"),
        (b"\xff\xfe\x00", {}, r"list.txt cannot be read as text .*; set data.attributes_file to a CSV$"),
        (
            CSV.replace("Bald", "B\x1bald"),
            {},
            r"list.txt has names with characters that cannot be shown in its header; change them$",
        ),
        (CSV, {"attributes_file": "/nowhere.csv"}, r"^/nowhere.csv does not exist; set data.attributes_file to a CSV"),
        (CSV, {"attributes_file": ""}, ""),
        (CSV, {"attributes_file": "", "attributes": ("x",)}, r"^data.attributes=\('x',\) needs data.attributes_file"),
        (CSV, {"labelled": 10}, r"^data.labelled=10 means nothing with attributes; leave one of them out$"),
    ],
)
def test_tables_that_cannot_be_used(faces: pathlib.Path, text: str, fields: dict[str, object], message: str) -> None:
    if not message:
        assert "attributes" not in attributed(faces, text, **fields).arrays
        return
    with pytest.raises(DataError, match=message):
        attributed(faces, text, **fields)


def test_pictures_with_attributes_beside_domains(faces: pathlib.Path) -> None:
    for name in ("happy", "sad"):
        save(faces / "moods" / name / "1.png", 90)
    (faces / "list.txt").write_text(CSV)
    fields = {"path": str(faces / "moods"), "attributed_path": str(faces / "faces"), "attributes": ("Bald",)}
    source = make_source("many_folders", **fields, attributes_file=str(faces / "list.txt"))
    assert list(source.arrays) == ["a", "b", "image", "attributes"] and source.domains == ("happy", "sad")
    assert [len(part) for part in source.parts] == [1, 1, 3] and values(source, "image") == [1, 2, 3]
    assert [record["attributes"].tolist() for record in source] == [[1], [0], [0]]
    with pytest.raises(
        DataError, match=r"pictures with attributes beside those of domains need data.attributes_file; set it"
    ):
        make_source("many_folders", **fields)


def test_digits_with_attributes_are_changed_by_them() -> None:
    source = make_source("digits", attributes=("inverted", "bar"), image_size=8)
    records, plain = source.stack(), make_source("digits", image_size=8).stack()["image"]
    has = records["attributes"].astype(bool)
    # All four combinations are about as frequent.
    assert np.bincount(has @ [1, 2]).min() > 1438 / 4 - 60
    for image, digit, (inverted, bar) in zip(records["image"], plain, has, strict=True):
        expected = 255 - digit if inverted else digit.copy()
        if bar:
            expected[:, 0] = 255  # after the inversion, in the order of the names
        np.testing.assert_array_equal(image, expected)
    with pytest.raises(DataError, match=r"^data.attributes names 'bra', which is unknown; did you mean 'bar'\?"):
        make_source("digits", attributes=("bra",))


def test_attributes_in_memory() -> None:
    images, spec = np.zeros((3, 4, 4, 1), np.uint8), ArraySpec((2,), "float32", "attributes", ("old", "new"))
    source = ArraySource("mine", {"image": images, "attributes": np.eye(3, 2)}, {"attributes": spec})
    assert source.arrays["attributes"] == spec and source[1]["attributes"].tolist() == [0, 1]
    with pytest.raises(DataError, match=r"array 'attributes' of mine has values other than 0 and 1; make them these$"):
        ArraySource("mine", {"image": images, "attributes": np.full((3, 2), 0.5)}, {"attributes": spec})
