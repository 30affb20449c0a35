"""What TensorFlow reads from the environment while it is loaded; nothing here loads it."""

import os


def prepare(log_level: int = 2) -> None:
    """Choose TensorFlow's settings, where the environment does not; call it before the import.

    Args:
        log_level: remarks below this are not written to standard error; 2 leaves errors.

    TensorFlow takes the kernels of oneDNN by itself only on processors with AVX-512 VNNI and the
    like. On others its own three-dimensional convolutions are several times slower.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", str(log_level))
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
