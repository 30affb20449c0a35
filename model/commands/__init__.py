"""What the command line offers of the model; TensorFlow is imported only where it runs.

Each function takes paths and plain values, reports its progress to the caller, prints nothing, and
says what is wrong with its input by a ValueError that names the file.
"""

from model.commands.bundling import bundle
from model.commands.cropping import crop_targets
from model.commands.evaluation import Evaluated, evaluate
from model.commands.listing import networks
from model.commands.prediction import predict
from model.commands.progress import Report, silent
from model.commands.searching import search
from model.commands.synthetic import montage, realism, synthesize
from model.commands.training import train

__all__ = [
    "Evaluated", "Report", "bundle", "crop_targets", "evaluate", "montage",
    "networks", "predict", "realism", "search", "silent", "synthesize", "train",
]  # fmt: skip
