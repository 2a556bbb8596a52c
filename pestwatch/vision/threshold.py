"""How hot a peak must be to count: a share of what the photo's own sure moths reach, held near a usual value.

Another phone or other light lowers every heat of a photo together, the moths' and the dirt's. A fixed threshold then
misses moths; one that follows the photo does not. With few moths there is nothing to follow, and on a photo without moths
only faults: there the usual threshold holds.

Twin: field/src/count/threshold.ts, held by tests/golden/count.json.
"""

from collections.abc import Sequence

# The moth whose heat is followed: seven in ten of those seen are fainter.
LEVEL_TENTHS = 7
# So many moths weigh as much as the usual threshold.
FEW = 4
# In 256ths of the usual threshold: no photo leads farther away from it.
LEAST, MOST = 196, 320
WHOLE = 256


def photo_threshold(values: Sequence[int], usual_q: int, share_q: int) -> int:
    """The least heat that counts on one photo, for one species.

    Args:
      values: heat of every peak of the species at the last look, 1 to 255.
      usual_q: the threshold of a photo that tells nothing.
      share_q: what share of the sure moths' heat a moth must reach, in 256ths; 0 follows nothing.

    Returns:
      In 1/256, like heat.
    """
    if not values or share_q == 0:
        return usual_q
    level = sorted(values)[LEVEL_TENTHS * (len(values) - 1) // 10]
    followed = (len(values) * share_q * level + FEW * WHOLE * usual_q) // (WHOLE * (len(values) + FEW))
    return min(max(followed, LEAST * usual_q // WHOLE), MOST * usual_q // WHOLE)
