"""What both networks are trained to lower; imports TensorFlow.

Each point has a heatmap that sums to one over the whole volume (spatial softmax). Cross-entropy
with a Gaussian target teaches the place and its doubt; a Gaussian fitted by squared error would
give a width that says nothing about the error.
"""

from typing import Any, Final

import tensorflow as tf

_SCALE_MM: Final = 10.0
_FOCUS: Final = 2.0
_ORDER_MM: Final = 15.0


def gaussian(position_mm: Any, points_mm: Any, sigma: Any, real: Any) -> Any:
    """Give targets that sum to one: (volume, cell, point).

    Args:
        position_mm: (volume, cell, 3) of the cells' centres, in the volume's own frame (slice,
            row, column), mm.
        points_mm: (volume, point, 3) in the same frame.
        sigma: (volume, 3), standard deviations, mm.
        real: (volume, cell), 0 in padding, which gets nothing.
    """
    scaled = position_mm / sigma[:, None]
    aim = points_mm / sigma[:, None]
    distance = (
        tf.reduce_sum(tf.square(scaled), -1)[:, :, None]
        + tf.reduce_sum(tf.square(aim), -1)[:, None, :]
        - 2.0 * tf.matmul(scaled, aim, transpose_b=True)
    )
    return tf.nn.softmax(-0.5 * distance - 1e6 * (1.0 - real[:, :, None]), axis=1)


def point_loss(logits: Any, target: Any, position_mm: Any, points_mm: Any, known: Any) -> Any:
    """Give cross-entropy plus half the smooth L1 of the soft-argmax (per 10 mm).

    Args:
        logits: (volume, cell, point).
        target: (volume, cell, point) of `gaussian`.
        position_mm: (volume, cell, 3).
        points_mm: (volume, point, 3).
        known: (volume, point), 1 where the point lies inside the volume.
    """
    entropy = -tf.reduce_sum(target * tf.nn.log_softmax(logits, axis=1), axis=1)
    least = -tf.reduce_sum(target * tf.math.log(target + 1e-9), axis=1)
    mean = tf.matmul(tf.nn.softmax(logits, axis=1), position_mm, transpose_a=True)
    error = tf.norm(mean - points_mm + 1e-6, axis=-1) / _SCALE_MM
    smooth = tf.where(error < 1.0, 0.5 * tf.square(error), error - 0.5)
    return tf.reduce_sum((entropy - least + 0.5 * smooth) * known) / (tf.reduce_sum(known) + 1e-6)


def any_foramen_loss(logits: Any, target: Any, real: Any) -> Any:
    """Give the focal binary cross-entropy (Lin et al. 2017) of the any-foramen map.

    Args:
        logits: (volume, cell).
        target: (volume, cell), 0..1, near one at every foramen.
        real: (volume, cell), 1 where the slice is not padding.
    """
    right = tf.sigmoid(logits) * target + (1.0 - tf.sigmoid(logits)) * (1.0 - target)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(target, logits)
    focal = tf.pow(1.0 - right, _FOCUS) * entropy * real
    return tf.reduce_sum(focal) / (tf.reduce_sum(target * real) + 1.0)
