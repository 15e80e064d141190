"""What a trained game makes, as one file that runs without this library."""

from jaxgan.exporting.functions import Exported, Input, exported_function, usual_ability
from jaxgan.exporting.onnx import write_onnx
from jaxgan.exporting.stablehlo import PLATFORMS, write_stablehlo

__all__ = ["PLATFORMS", "Exported", "Input", "exported_function", "usual_ability", "write_onnx", "write_stablehlo"]
