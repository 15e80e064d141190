"""Averages and schedules: rules of the clock."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import Clock, averaging, schedules
from jaxgan.core.schedules import Run
from jaxgan.errors import UserError


def clock(step: int = 0, images: int = 0, step_images: int = 64) -> Clock:
    return Clock(jnp.int32(step), jnp.int32(images), jnp.int32(step), jnp.int32(images), step_images)


def test_half_life_forgets_half_in_its_images_whatever_the_batch():
    for batch in (16, 64, 250):
        decay = float(averaging.half_life(1000)(clock(step_images=batch)))
        assert decay ** (1000 / batch) == pytest.approx(0.5, rel=1e-4)
    ramped = averaging.half_life(10_000, ramp_up=0.05)
    assert float(ramped(clock(images=0))) == 0.0
    assert float(ramped(clock(images=64_000))) == pytest.approx(0.5 ** (64 / 3200), rel=1e-5)
    assert float(ramped(clock(images=10**6))) == pytest.approx(0.5 ** (64 / 10_000), rel=1e-5)


def test_exponential_average_starts_when_told():
    rule = averaging.exponential(0.999, start=100)
    assert float(rule(clock(step=99))) == 0.0
    assert float(rule(clock(step=100))) == pytest.approx(0.999)


@pytest.mark.parametrize(("unit", "field"), [("steps", "step"), ("images", "images")])
def test_schedules_hold_then_descend_to_their_final_value(unit, field):
    linear = schedules.linear_decay(300, start=100, final=0.2, unit=unit)
    cosine = schedules.cosine_decay(300, start=100, final=0.2, unit=unit)
    for now, straight, curved in (
        (0, 1, 1),
        (100, 1, 1),
        (150, 0.8, 0.2 + 0.4 * (1 + np.cos(np.pi / 4))),
        (200, 0.6, 0.6),
    ):
        assert float(linear(clock(**{field: now}))) == pytest.approx(straight)
        assert float(cosine(clock(**{field: now}))) == pytest.approx(curved)
    for rule in (linear, cosine):
        assert float(rule(clock(**{field: 400}))) == pytest.approx(0.2)


def test_what_rises_and_what_decays_at_every_step():
    ramp = schedules.cosine_ramp(300, start=100, final=0.6)
    assert [round(float(ramp(clock(step=now))), 6) for now in (0, 100, 200, 300, 400)] == [0, 0, 0.3, 0.6, 0.6]
    bell = schedules.gaussian_ramp(40_000)
    risen = [float(bell(clock(images=now))) for now in (0, 10_000, 20_000, 40_000, 90_000)]
    assert risen == pytest.approx([0.0067379, 0.0600547, 0.2865048, 1, 1], rel=1e-5)  # e^-5, e^-2.8125, e^-1.25
    decay = schedules.exponential_decay(0.9, floor=0.5)
    assert float(decay(clock(step=3))) == pytest.approx(0.9**3) and float(decay(clock(step=30))) == 0.5
    # GAN's and LAPGAN's, so near to 1 that its logarithm in float32 is a sixth of a percent off.
    slow = schedules.exponential_decay(1 / 1.000004)
    assert float(slow(clock(step=1_000_000))) == pytest.approx(1.000004**-1e6, rel=1e-5)
    halved = schedules.exponential_decay(0.5, floor=0.2, every=100)
    values = [float(halved(clock(step=now))) for now in (0, 99, 100, 199, 200, 299, 300, 10_000)]
    assert values == pytest.approx([1, 1, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2])
    # An average whose half-life itself rises from 0: at half-way it is half of it.
    rule = averaging.half_life(1000, ramp_images=10_000)
    assert float(rule(clock(images=0))) == 0.0
    assert float(rule(clock(images=5000))) == pytest.approx(0.5 ** (64 / 500), rel=1e-5)
    assert float(rule(clock(images=20_000))) == pytest.approx(0.5 ** (64 / 1000), rel=1e-5)


@pytest.mark.parametrize(
    ("run", "field", "length"),
    [
        (Run(steps=400), "step", 400),
        (Run(images=400), "images", 400),
        (Run(steps=400, images=10_000, batch_size=10), "step", 400),  # 4,000 images: the steps end it
        (Run(steps=400, images=2000, batch_size=10), "images", 2000),  # 200 steps: the images end it
        (Run(steps=400, images=4000, batch_size=10), "step", 400),
    ],
)
@pytest.mark.parametrize("unit", ["steps", "images"])
def test_a_duration_of_at_most_1_is_a_share_of_the_run(run, field, length, unit):
    half = schedules.linear_decay(start=0.5, unit=unit, run=run)
    ramp = schedules.cosine_ramp(0.5, unit=unit, run=run)
    average = averaging.exponential(0.9, start=0.25, run=run)
    for share, line, risen, decay in (
        (0, 1, 0, 0),
        (0.25, 1, 0.5, 0.9),
        (0.5, 1, 1, 0.9),
        (0.75, 0.5, 1, 0.9),
        (1, 0, 1, 0.9),
    ):
        now = clock(**{field: round(share * length)})
        assert float(half(now)) == pytest.approx(line, abs=1e-6)
        assert float(ramp(now)) == pytest.approx(risen, abs=1e-6)
        assert float(average(now)) == pytest.approx(decay)
    assert float(average(clock(**{field: length // 4 - 1}))) == 0.0


def test_of_two_ends_the_first_counts_whatever_a_step_consumes():
    """A critic of five turns a step consumes 50 images of minibatches of 10: 2,000 images are over after 40 steps of 400."""
    run = Run(steps=400, images=2000, batch_size=1)
    falling, later = schedules.linear_decay(run=run), schedules.piecewise((0.5,), (0.1,), run=run)
    average = averaging.exponential(0.9, start=0.25, run=run)
    for step, left, factor, decay in (
        (0, 1, 1, 0),
        (9, 0.775, 1, 0),
        (10, 0.75, 1, 0.9),
        (20, 0.5, 0.1, 0.9),
        (40, 0, 0.1, 0.9),
    ):
        now = clock(step=step, images=50 * step)
        assert float(falling(now)) == pytest.approx(left, abs=1e-6)
        assert float(later(now)) == pytest.approx(factor) and float(average(now)) == pytest.approx(decay)
    # And where the steps end it first.
    assert float(falling(clock(step=400, images=400))) == 0.0


def test_a_share_beside_a_number_is_counted_in_the_unit_of_the_number():
    # From half of 400 steps to step 300; from half of 400 steps, that is image 2,000, to image 3,000.
    steps = schedules.linear_decay(300, start=0.5, run=Run(steps=400, batch_size=10))
    assert [float(steps(clock(step=now))) for now in (200, 250, 300)] == [1.0, 0.5, 0.0]
    images = schedules.linear_decay(3000, start=0.5, unit="images", run=Run(steps=400, batch_size=10))
    assert [float(images(clock(images=now))) for now in (2000, 2500, 3000)] == [1.0, 0.5, 0.0]
    # The run's images, 4,000 of them in minibatches of 10, are 400 steps.
    steps = schedules.linear_decay(300, start=0.5, run=Run(images=4000, batch_size=10))
    assert [float(steps(clock(step=now))) for now in (200, 250, 300)] == [1.0, 0.5, 0.0]


def test_a_half_life_rises_for_a_share_of_the_run():
    rule = averaging.half_life(1000, ramp_images=0.5, run=Run(images=20_000))
    assert float(rule(clock(images=5000))) == pytest.approx(0.5 ** (64 / 500), rel=1e-5)
    assert float(rule(clock(images=10_000))) == pytest.approx(0.5 ** (64 / 1000), rel=1e-5)


def test_a_piecewise_factor_holds_from_each_start_on():
    by_images = schedules.piecewise((100, 300), (1.5, 3.0))
    seen = [float(by_images(clock(images=images))) for images in (0, 99, 100, 299, 300, 10_000)]
    assert seen == [1.0, 1.0, 1.5, 1.5, 3.0, 3.0]
    by_share = schedules.piecewise((0.5,), (0.1,), run=Run(steps=10))
    assert [round(float(by_share(clock(step=step))), 6) for step in (4, 5)] == [1.0, 0.1]
    with pytest.raises(UserError, match="2 starts and 1 factors: give as many of each"):
        schedules.piecewise((100, 300), (1.5,))
    with pytest.raises(UserError, match="do not rise"):
        schedules.piecewise((300, 100), (1.5, 2.0))


def test_numbers_do_not_depend_on_the_run():
    for run in (None, Run(steps=7), Run(images=7)):
        assert float(schedules.linear_decay(300, start=100, run=run)(clock(step=150))) == pytest.approx(0.75)


def test_bad_rules_are_refused():
    with pytest.raises(UserError, match=r"decay is 1\.0"):
        averaging.exponential(1.0)
    with pytest.raises(UserError, match="must be positive"):
        averaging.half_life(0)
    with pytest.raises(UserError, match="unit is 'epochs'"):
        schedules.linear_decay(10, unit="epochs")
    with pytest.raises(UserError, match="needs 0 <= start < stop"):
        schedules.cosine_decay(10, start=10)
    with pytest.raises(UserError, match="needs 0 <= start < stop"):
        schedules.cosine_decay(0.5, start=0.5, run=Run(steps=10))
    with pytest.raises(UserError, match=r"must lie in \(0, 1\]"):
        schedules.exponential_decay(1.5)
    with pytest.raises(UserError, match="multiplied every 0 steps"):
        schedules.exponential_decay(0.5, every=0)
    for run in (None, Run()):
        for maker in (schedules.linear_decay, schedules.cosine_decay, schedules.cosine_ramp, schedules.gaussian_ramp):
            with pytest.raises(UserError, match=r"1\.0 is a share of the run, whose length is not known"):
                maker(run=run)
        with pytest.raises(UserError, match=r"exponential average: 0\.5 is a share"):
            averaging.exponential(0.9, start=0.5, run=run)
