"""What a network in training is told about its answers: centres and lengths."""

from typing import Any

import tensorflow as tf

# Heat from which the network is called sure of a moth that has no mark.
FORGIVEN_FROM = 0.4


def focal_loss(heat: Any, targets: Any, cares: Any, gappy: Any = None, forgiven: Any = 0.0) -> Any:
    """Penalty-reduced focal loss on centre maps.

    Args:
      heat: (b, g, g, s) float32 in (0, 1), the network's output.
      targets: (b, g, g, s) float32 in [0, 1], exactly 1 on each centre.
      cares: (b, g, g, s) float32, 0 where nothing is known.
      gappy: (b, g, g) float32, as of gap_map; marks are complete when None.
      forgiven: share of the penalty that is dropped there, where the network is sure and no mark is near.

    Returns:
      Scalar: the sum divided by the centres + 1.

    Source: Zhou et al. 2019, arXiv 1904.07850, equation 1 (alpha 2, beta 4).
    """
    heat = tf.clip_by_value(heat, 1e-4, 1 - 1e-4)
    centres = tf.cast(targets >= 1.0, tf.float32) * tf.minimum(cares, 1.0)
    hit = centres * tf.square(1 - heat) * tf.math.log(heat)
    background = (cares - centres) * tf.pow(1 - targets, 4.0) * tf.square(heat) * tf.math.log(1 - heat)
    if gappy is not None:
        sure = tf.stop_gradient(tf.cast((heat > FORGIVEN_FROM) & (targets < 0.05), tf.float32))
        background *= 1 - forgiven * tf.maximum(gappy, 0.0)[..., None] * sure
    return -tf.reduce_sum(hit + background) / (tf.reduce_sum(centres) + 1)


def length_loss(codes: Any, targets: Any, cares: Any) -> Any:
    """How far the lengths are off, in octaves / 4, where a moth's centre is near; all (b, g, g) float32."""
    return tf.reduce_sum(tf.abs(codes - targets) * cares) / (tf.reduce_sum(cares) + 1)
