"""What a trained network passes on to a smaller one: its answers, and the features that it draws them from.

A few hundred photos say little about a narrowed network's many features; the features of a good network say something at
every cell of every crop.

Source: Hinton et al. 2015, arXiv 1503.02531 (answers); Romero et al. 2015, arXiv 1412.6550 (features, through a layer
that is thrown away afterwards).
"""

from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

FloatArray = npt.NDArray[np.float32]
# The last features before the answer; every network of the family has them.
FEATURES = "head_context_4_relu"


class Lesson(NamedTuple):
    """What a teacher says about crops: answers (b, g, g, s + 1), and features (b, g, g, f), each with variance 1."""

    answers: FloatArray
    features: FloatArray


class Teacher:
    """A trained network that is asked and does not change.

    Args:
      model: as of build_counter.
    """

    def __init__(self, model: Any) -> None:
        watched = with_features(model)
        self._ask = tf.function(lambda plain: watched(plain, training=False), autograph=False)
        self.channels = int(watched.output[1].shape[-1])

    def lesson(self, plain: FloatArray) -> Lesson:
        """Looks at (b, c, c, 3) crops in [-1, 1] as they were photographed."""
        answers, features = (np.array(part) for part in self._ask(plain))
        return Lesson(answers, features / (features.std(axis=(0, 1, 2)) + np.float32(0.1)))


def with_features(model: Any) -> Any:
    """The same network, answering with its features too."""
    return keras.Model(model.input, [model.output, model.get_layer(FEATURES).output])


def feature_loss(found: Any, features: Any, answers: Any) -> Any:
    """How far a student's features are from its teacher's, cells with moths weighing most.

    Args:
      found: (b, g, g, f), the student's, mapped to as many channels.
      features: (b, g, g, f), the teacher's.
      answers: (b, g, g, s + 1), the teacher's.
    """
    weights = 1 + 8 * tf.reduce_max(answers[..., :-1], axis=-1)
    return tf.reduce_sum(tf.reduce_mean(tf.square(found - features), axis=-1) * weights) / tf.reduce_sum(weights)


def taught_loss(found: Any, taught: Any) -> Any:
    """How far a student is from its teacher: cross-entropy weighted by how much there is to learn.

    Args:
      found: (b, g, g, s + 1), the student's answer.
      taught: (b, g, g, s + 1), the teacher's on the unchanged crop.

    Returns:
      Scalar per moth that the teacher sees.

    Most cells are empty: the weight is focal loss's (loss.py).
    """
    heat, soft = (tf.clip_by_value(part[..., :-1], 1e-4, 1 - 1e-4) for part in (found, taught))
    entropy = soft * tf.math.log(soft / heat) + (1 - soft) * tf.math.log((1 - soft) / (1 - heat))
    moths = tf.reduce_sum(tf.square(soft)) / 4 + 1
    lengths = tf.reduce_max(soft, axis=-1) ** 2 * tf.abs(found[..., -1] - taught[..., -1])
    return tf.reduce_sum(tf.abs(soft - heat) * entropy) / moths * 2 + tf.reduce_sum(lengths) / moths
