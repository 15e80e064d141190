"""Optimisers that optax does not have."""

import optax

from jaxgan.core.schedules import Run, is_share, share_of_run


def adam_rising_b2(
    learning_rate: float,
    b1: float = 0.0,
    b2: float = 0.9,
    final_b2: float = 0.99,
    updates: float = 1.0,
    eps: float = 1e-8,
    run: Run | None = None,
) -> optax.GradientTransformation:
    """Adam whose second decay rises from `b2` to `final_b2` along half a cosine.

    R3GAN (Huang et al. 2024, arXiv:2501.05441), whose values are the defaults.

    Args:
        learning_rate: Above 0.
        b1: Decay of the first moment, in [0, 1).
        b2: Decay of the second moment at the first update, in [0, 1).
        final_b2: Its decay in the end, in [0, 1).
        updates: After how many of its own updates that is, above 1; or a share of the run in (0, 1], for a player that
            moves once a step.
        eps: Added to the root of the second moment.
        run: How long the run is, for a share.

    Raises:
        UserError: A share without a run.
    """
    # An optimiser counts its own updates and no images: one for each step of the run.
    number = share_of_run("adam_rising_b2", updates, "steps", run) if is_share(updates) else updates
    gap = optax.cosine_decay_schedule(b2 - final_b2, int(number))
    decay = lambda count: final_b2 + gap(count)  # noqa: E731
    return optax.inject_hyperparams(optax.adam)(learning_rate=learning_rate, b1=b1, b2=decay, eps=eps)
