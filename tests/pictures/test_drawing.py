"""Pictures: every pixel where it belongs, and no file larger than it may be."""

import numpy as np
from PIL import Image

from jaxgan import pictures


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_bytes_survive_the_way_there_and_back():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(pictures.to_uint8(every.astype(np.float32) / 127.5 - 1.0), every)
    np.testing.assert_array_equal(pictures.to_uint8(np.array([-3.0, 3.0, 0.0])), [0, 255, 128])


def test_a_grid_has_every_image_in_its_cell():
    """Five 2x3 images in rows of two: enlarged 16 times, with 2 pixels between them."""
    images = np.linspace(-1, 1, 5, dtype=np.float32)[:, None, None, None] * np.ones((5, 2, 3, 1), np.float32)
    grid = np.asarray(pictures.grid(images, columns=2))
    assert grid.shape == (3 * (32 + 2) + 2, 2 * (48 + 2) + 2)
    for index, value in enumerate([0, 64, 128, 191, 255]):
        top, left = 2 + index // 2 * 34, 2 + index % 2 * 50
        assert (grid[top : top + 32, left : left + 48] == value).all()
    assert (grid[:2] == 96).all() and (grid[-34:, 52:] == 96).all()


def test_a_grid_keeps_what_is_up_and_what_is_left():
    image = np.full((1, 64, 64, 3), -1.0)
    image[0, 0, 1] = [1.0, -1.0, -1.0]  # a red pixel, in the first row and second column
    grid = np.asarray(pictures.grid(image, columns=1))
    assert grid[2, 3].tolist() == [255, 0, 0] and grid[3, 2].tolist() == [0, 0, 0]


def test_names_stand_at_the_left_of_their_rows():
    images = np.full((4, 48, 48, 1), -1.0)
    plain, named = (np.asarray(pictures.grid(images, 2, names)) for names in ((), ("7", "a very long name")))
    margin = named.shape[1] - plain.shape[1]
    assert named.shape[0] == plain.shape[0] and margin > 30
    np.testing.assert_array_equal(named[:, margin:], plain)
    first, second = named[:50, :margin], named[50:100, :margin]
    assert 0 < (first > 150).sum() < (second > 150).sum()  # bright letters on the grey
    coloured = np.asarray(pictures.grid(np.full((1, 48, 48, 3), -1.0), 1, ("7",)))
    assert coloured[0, 0].tolist() == [96, 96, 96] and (coloured[:, :10] > 150).any()


def test_headings_stand_above_their_columns():
    images = np.full((4, 48, 48, 1), -1.0)
    plain = np.asarray(pictures.grid(images, 2))
    for names in ((), ("7", "8")):
        beside = np.asarray(pictures.grid(images, 2, names))
        named = np.asarray(pictures.grid(images, 2, names, headings=("a", "a heading wider than its column")))
        band, margin = named.shape[0] - plain.shape[0], named.shape[1] - plain.shape[1]
        assert 10 < band < 24
        np.testing.assert_array_equal(named[band:], beside)  # names of rows stay at their rows
        assert (named[:band, :margin] == 96).all()
        first, second = named[:band, margin : margin + 50], named[:band, margin + 50 :]
        assert 0 < (first > 150).sum() < (second > 150).sum()
        # What is too wide keeps to its column.
        assert (second[:, 0] == 96).all() and (second[:, -1] == 96).all() and (first[:, :15] == 96).all()
    coloured = np.asarray(pictures.grid(np.full((1, 48, 48, 4), -1.0), 1, headings=("old",)))
    assert coloured[0, 0].tolist() == [96, 96, 96, 255] and (coloured[:12, :, :3] > 150).any()


def test_images_of_several_shapes_are_made_alike():
    draw = np.random.default_rng(0)
    grey, colour, odd = (draw.uniform(-1, 1, shape) for shape in ((2, 4, 4, 1), (2, 8, 12, 3), (2, 3, 5, 1)))
    shown = pictures.alike([grey, colour, odd])
    assert {array.shape for array in shown} == {(2, 8, 12, 3)} and pictures.common_shape(shown) == (8, 12, 3)
    np.testing.assert_array_equal(shown[0], grey.repeat(2, 1).repeat(3, 2).repeat(3, 3))
    np.testing.assert_array_equal(shown[1], colour)
    assert set(np.unique(shown[2])) == set(np.unique(odd))
    opaque = pictures.alike([colour, draw.uniform(-1, 1, (2, 8, 12, 4))])[0]
    np.testing.assert_array_equal(opaque[..., :3], colour)
    assert (opaque[..., 3] == 1).all()
    assert pictures.alike([grey])[0].shape == grey.shape


def test_noise_is_made_to_fit(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 600, 3), np.uint8))
    pictures.save(noise, tmp_path / "noise.png")
    assert (tmp_path / "noise.png").stat().st_size <= pictures.LARGEST
    assert pixels_of(tmp_path / "noise.png").shape[0] > 200
    paths = []
    for index in range(12):
        paths.append(tmp_path / f"{index}.png")
        noise.resize((150, 150)).save(paths[-1])
    pictures.animate(paths, tmp_path / "noise.gif")
    assert (tmp_path / "noise.gif").stat().st_size <= pictures.LARGEST


def test_an_animation_begins_with_the_first_frame_and_ends_with_the_last(tmp_path):
    paths = []
    for index, grey in enumerate(range(0, 250, 5)):  # 50 frames
        paths.append(tmp_path / f"{index}.png")
        Image.new("L", (64, 64), grey).save(paths[-1])
    pictures.animate(paths, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as animation:
        greys = []
        for frame in range(animation.n_frames):
            animation.seek(frame)
            greys.append(animation.convert("L").getpixel((32, 32)))
    assert len(greys) == 24 and greys[0] == 0 and greys[-1] == 245
    assert greys == sorted(greys)


def test_frames_of_an_animation_fill_it_whatever_their_size(tmp_path):
    paths, halves = [], [(1, 0), (0, 1), (1, 0)]
    for index, (side, (left, right)) in enumerate(zip((64, 48, 90), halves, strict=True)):
        paths.append(tmp_path / f"{index}.png")
        picture = Image.new("L", (side, side), 255 * left)
        picture.paste(255 * right, (side // 2, 0, side, side))
        picture.save(paths[-1])
    pictures.animate(paths, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.size == (48, 48) and animation.n_frames == 3
        for frame, (left, right) in enumerate(halves):
            animation.seek(frame)
            shown = np.asarray(animation.convert("L")) / 255
            np.testing.assert_allclose(shown[:, :20], left, atol=0.1)
            np.testing.assert_allclose(shown[:, 28:], right, atol=0.1)


def test_small_pictures_stay_as_they_are(tmp_path):
    image = pictures.grid(np.zeros((4, 8, 8, 1)), 2)
    pictures.save(image, tmp_path / "grid.png")
    np.testing.assert_array_equal(pixels_of(tmp_path / "grid.png"), np.asarray(image))


def test_points_are_drawn_where_they_are():
    """Real points in two corners, samples in the lower left one: red is there, and nowhere else but in the legend."""
    corner = np.random.default_rng(0).normal(0.0, 0.05, (200, 2))
    drawn = np.asarray(pictures.density(np.concatenate([corner - 1, corner + 1]), corner - 1)).astype(int)
    rows, columns = (drawn[:, :, 0] - drawn[:, :, 1] > 60).nonzero()
    left, low = columns < drawn.shape[1] / 2, rows > drawn.shape[0] / 2
    assert (left & low).sum() > 50
    assert not (left & ~low).any() and not (~left & low).any()
    assert pictures.density(None, corner[:, :1]).size[0] > 100


def blue(drawn, rows, columns):
    """How much bluer than red a part of a picture is, on average."""
    part = drawn[rows, columns].astype(int)
    return (part[..., 2] - part[..., 0]).mean()


def test_the_field_is_dark_where_the_discriminator_says_real(tmp_path):
    """It says real of the upper right: y is up, x is right, and both count."""
    points = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)
    picture = pictures.density(points, points, lambda points: points[:, 0] + 2 * points[:, 1])
    drawn = np.asarray(picture)
    top, bottom, left, right = slice(150, 200), slice(330, 380), slice(80, 130), slice(320, 370)
    corners = [blue(drawn, bottom, left), blue(drawn, bottom, right), blue(drawn, top, left), blue(drawn, top, right)]
    assert corners == sorted(corners) and corners[3] - corners[0] > 30
    assert abs(blue(np.asarray(pictures.density(points, points)), top, right)) < 5
    pictures.save(picture, tmp_path / "field.png")
    assert (tmp_path / "field.png").stat().st_size < 100_000


def test_a_field_on_the_line_is_a_curve(tmp_path):
    """A step from 0 up to 1 at the data's middle: the curve is low on the left and high on the right."""
    numbers = np.random.default_rng(0).normal(4, 1, (200, 1)).astype(np.float32)
    picture = pictures.density(numbers, numbers, lambda points: (points[:, 0] > 4).astype(np.float32))
    drawn = np.asarray(picture).astype(int)[:, :420]  # without the curve's own axis
    rows, columns = (drawn[:, :, 2] - drawn[:, :, 0] > 100).nonzero()
    assert len(rows) > 100
    assert rows[columns < 150].min() > 300 and rows[columns > 350].max() < 150
    pictures.save(picture, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size < 100_000


def test_a_field_that_is_flat_or_steep_is_no_error():
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    flat = np.asarray(pictures.density(points, points, lambda points: np.zeros(len(points), np.float32)))
    assert not (flat[:, :, 2].astype(int) - flat[:, :, 0] > 30).any()
    pictures.density(points, points, lambda points: 1e6 * points[:, 0] ** 3)


def test_curves_have_a_panel_for_each_quantity():
    lines = [{"step": 0, "images": 0, "digit_fd": 9.0, "digit_fd_floor": 1.0}]
    lines += [
        {"step": step, "images": step, "d/loss": 1.0, "g/loss": step, "d/d_real": 0.5, "d/d_fake": None, "seconds": 1.0}
        for step in range(1, 4)
    ]
    one = pictures.curves([{"step": 1, "images": 1, "d/loss": 1.0}]).size
    assert pictures.curves(lines).size == (3 * one[0], one[1])  # the losses; what D says; the distance with its floor
    lines[-1] |= {"d/penalty": 1.0}
    assert pictures.curves(lines).size == (3 * one[0], 2 * one[1])
    assert pictures.curves([]).size == one  # nothing was logged yet


def test_layers_have_a_row_for_each_player_and_a_panel_for_each_quantity():
    lines = [{"step": 0, "loss": 1.0}]
    assert pictures.layers(lines) is None
    names = [f"layers/{sigma}/{player}/{layer}" for sigma in "ab" for player in "xyz" for layer in ("l_2", "l_10")]
    lines += [{"step": step, "loss": 1.0} | {name: step + 1.0 for name in names} for step in range(3)]
    whole = pictures.layers(lines).size
    one = [{name: value for name, value in line.items() if "layers" not in name or "a/x" in name} for line in lines]
    width, height = pictures.layers(one).size
    assert whole == (2 * width, 3 * height)
    # They are in no other picture.
    plain = [{name: value for name, value in line.items() if "layers" not in name} for line in lines]
    assert pictures.curves(lines).size == pictures.curves(plain).size


def test_where_a_pixel_looks_is_red_and_the_pixel_green():
    images, seen = np.full((1, 4, 4, 1), 1.0), np.full((1, 4, 4, 1), -1.0)
    seen[0, 1, 2] = 1
    shown = pictures.looking(images, seen, 0.75, 0.0)
    np.testing.assert_allclose(shown[0, 1, 2], [1, -1, -1])
    np.testing.assert_allclose(shown[0, 3, 0], [-1, 1, -1])
    rest = np.ones((4, 4), bool)
    rest[1, 2] = rest[3, 0] = False
    np.testing.assert_allclose(shown[0][rest], 0.2, atol=1e-6)  # white, dimmed
    colours = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, 4))
    np.testing.assert_array_equal(pictures.as_colours(colours), colours[..., :3])
