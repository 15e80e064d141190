"""--seeds: every picture is that of its seed, whatever is beside it; and grids in which each class has a column."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.commands import listing, outputs
from jaxgan.commands.options import MOST_SEEDS, read_seeds
from jaxgan.errors import UserError


def main(ability, folder, *arguments):
    listing.main([ability, f"--workdir={folder}", "--trust", *arguments])


def drawn(ability, folder, output, *arguments):
    main(ability, folder, f"--output={output}", *arguments)
    with np.load(output) as file:
        return dict(file)


def test_ranges_and_lists():
    assert read_seeds("seeds", "0-3") == (0, 1, 2, 3)
    assert read_seeds("seeds", "1,5, 7-9") == (1, 5, 7, 8, 9)
    assert read_seeds("seeds", "9,4294967295") == (9, 2**32 - 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is neither a seed nor a range: write 0-35 or 1,5,7-9"),
        ("1,", "'' is neither"),
        ("-1", "'-1' is neither"),
        ("1.5", "'1.5' is neither"),
        ("a", "'a' is neither"),
        ("9-3", "9-3 runs backwards: write 3-9"),
        ("1,0-3", "names 1 twice"),
        (f"0-{MOST_SEEDS}", f"more than {MOST_SEEDS} seeds"),
        ("0-4294967295", f"more than {MOST_SEEDS} seeds"),
        ("4294967296", r"below 2\*\*32"),
        ("99999999999", "is neither"),
    ],
)
def test_what_names_no_seeds(text, message):
    with pytest.raises(UserError, match=message) as error:
        read_seeds("seeds", text)
    assert "\n" not in str(error.value)


def test_a_picture_is_that_of_its_seed(runs, tmp_path):
    folder, _ = runs("dcgan")
    together = drawn("sample", folder, tmp_path / "a.npz", "--seeds=0-2,7,5")
    np.testing.assert_array_equal(together["seed"], [0, 1, 2, 7, 5])
    for index, seed in enumerate(together["seed"]):
        alone = drawn("sample", folder, tmp_path / f"{seed}.npz", f"--seeds={seed}")
        np.testing.assert_array_equal(alone["image"][0], together["image"][index])
        one = drawn("sample", folder, tmp_path / f"one{seed}.npz", f"--seed={seed}", "--num=1")
        # In a call of another size sums are rounded otherwise.
        np.testing.assert_allclose(one["image"][0].astype(int), together["image"][index], atol=1)
    assert len({image.tobytes() for image in together["image"]}) == 5
    latents = drawn("latents", folder, tmp_path / "z.npz", "--seeds=7,5")
    made = drawn("generate", folder, tmp_path / "g.npz", f"--latents={tmp_path / 'z.npz'}")
    np.testing.assert_allclose(made["image"].astype(int), together["image"][3:], atol=1)
    np.testing.assert_array_equal(latents["seed"], [7, 5])


def test_files_and_names_tell_the_seeds(runs):
    folder, _ = runs("dcgan")
    main("sample", folder, "--seeds=9-11", "--format=folder")
    (made,) = (folder / "generated").glob("step*-seeds9-11")
    assert sorted(path.name for path in made.iterdir()) == ["seed09.png", "seed10.png", "seed11.png"]
    main("sample", folder, f"--seeds={','.join(str(2 * seed) for seed in range(40))}")
    assert len(list((folder / "generated").glob("step*-seeds0_78_????????.png"))) == 1


def test_classes_take_turns_with_the_seeds_and_have_columns(runs, tmp_path):
    folder, _ = runs("conditional")
    found = drawn("sample", folder, tmp_path / "a.npz", "--seeds=8-29")
    np.testing.assert_array_equal(found["label"], np.arange(8, 30) % 10)
    main("sample", folder, "--seeds=8-29", f"--output={tmp_path / 'a.png'}")
    with Image.open(tmp_path / "a.png") as picture:
        cell = 8 * 6 + 2
        assert picture.size == (10 * cell + 2, 3 * cell + 2)
        column = np.asarray(picture)[2 + cell : 2 * cell : 6, 2 + 3 * cell : 4 * cell : 6]
    np.testing.assert_array_equal(column, found["image"][13, ..., 0])


@pytest.mark.parametrize(
    ("label", "shape", "columns"),
    [
        (None, (8, 8, 1), 0),
        (np.arange(30) % 10, (8, 8, 1), 10),
        (np.arange(3, 30) % 10, (8, 8, 1), 10),
        (np.arange(10), (8, 8, 1), 0),  # each class once: any columns will do
        (np.full(20, 3), (8, 8, 1), 0),
        (np.array([0, 1, 1, 0, 1, 1]), (8, 8, 1), 0),
        (np.arange(40) % 20, (256, 256, 3), 0),  # too wide
        (np.arange(40) % 16, (256, 128, 3), 16),
    ],
)
def test_columns_fit_the_classes_that_take_turns(label, shape, columns):
    assert outputs._class_columns(label, shape) == columns


@pytest.mark.parametrize("arguments", [["--num=3"], ["--seed=0"]])
def test_seeds_say_how_many(arguments, runs):
    with pytest.raises(UserError, match="--seeds=0-2 says which and how many: leave out --seed and --num"):
        main("sample", runs("dcgan")[0], "--seeds=0-2", *arguments)


def test_what_draws_nothing_takes_no_seeds(runs):
    with pytest.raises(UserError, match="takes no --seeds: did you mean 'seed'"):
        main("judge", runs("dcgan")[0], "--seeds=0-2", "--input=x")
