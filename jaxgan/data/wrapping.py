"""What is put around a source that has images: few labels, small images, noise."""

from jaxgan.data.config import DataConfig
from jaxgan.data.errors import DataError
from jaxgan.data.few_labels import FewLabels
from jaxgan.data.photos import LowResolution
from jaxgan.data.sources import Source


def wrapped(source: Source, config: DataConfig) -> Source:
    """The source with what `labelled`, `scale_factor` and `dequantize` ask for.

    Raises:
        DataError: They mean nothing to it, or nothing beside each other.
    """
    if config.labelled_draw and not config.labelled:
        raise DataError(
            f"data.labelled_draw={config.labelled_draw}, but all labels are known; set data.labelled to how many are to be"
        )
    if config.labelled and config.scale_factor > 1:
        raise DataError(
            f"data.labelled={config.labelled} and data.scale_factor={config.scale_factor} are of two kinds of games; "
            "leave one of them out"
        )
    if config.labelled and "attributes" in source.arrays:
        raise DataError(f"data.labelled={config.labelled} means nothing with attributes; leave one of them out")
    source = FewLabels(source, config.labelled, config.labelled_draw) if config.labelled else source
    source = LowResolution(source, config.scale_factor) if config.scale_factor > 1 else source
    source.dequantize = source.dequantize or config.dequantize
    return source
