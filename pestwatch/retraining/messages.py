"""What retraining says to an officer, as English sentences for the catalogue `dashboard`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pestwatch.i18n import N_

TOO_FEW_TRAINING = N_(
    "There is too little to learn from: %(found)s of %(needed)s photos. "
    "%(missing)s more photos need an officer's recount with every insect marked."
)
TOO_FEW_TRAINING_TRAPS = N_(
    "The photos to learn from show %(found)s of %(needed)s traps. Recount photos of %(missing)s more traps."
)
TOO_FEW_HELD_OUT = N_(
    "There is too little to judge a new model by: %(found)s of %(needed)s photos of traps set apart. "
    "%(missing)s more of them need an officer's recount."
)
TOO_FEW_HELD_OUT_TRAPS = N_(
    "The photos to judge by show %(found)s of %(needed)s traps. %(missing)s more traps must take part."
)
TOO_FEW_INSECTS = N_(
    "The photos to learn from show %(found)s of %(needed)s insects of one species. "
    "Without enough insects a model learns only to see none."
)
TOO_FEW_HELD_OUT_INSECTS = N_(
    "The photos to judge by show %(found)s of %(needed)s insects. A model that sees none would pass."
)
ENOUGH = N_("%(found)s of %(needed)s.")
NOTHING_TO_GAIN = N_("The present model makes no mistake on the %(photos)s photos of traps set apart.")
REGION = N_(
    "On %(photos)s photos of %(traps)s traps set apart the present model miscounts %(current)s insects per photo, "
    "the new one %(candidate)s. With 95 %% certainty the new one is at most %(upper)s %% worse; %(margin)s %% are allowed."
)
GUARD = N_(
    "On %(photos)s drawn photos the present model miscounts %(current)s insects per photo, the new one %(candidate)s; "
    "%(limit)s are allowed."
)
GOLDEN = N_("On the golden picture the counts differ by %(difference)s insects; %(limit)s are allowed.")
SIZE = N_("The file has %(size_bytes)s bytes; %(limit_bytes)s are allowed.")
PROMOTED = N_("The new model miscounts %(candidate)s insects per photo where the present one miscounts %(current)s.")
BROKE_OFF = N_("The training broke off: %(detail)s. It can be started again.")


class Message(msgspec.Struct, frozen=True):
    """A sentence and its values; screens translate, `text` is English."""

    message: str
    params: dict[str, Any]

    @property
    def text(self) -> str:
        """The English sentence."""
        return self.message % self.params


def message(sentence: str, **params: Any) -> Message:
    """A sentence with its values; floats are rounded for reading."""
    rounded: Mapping[str, Any] = {
        name: round(value, 2) if isinstance(value, float) else value for name, value in params.items()
    }
    return Message(sentence, dict(rounded))
