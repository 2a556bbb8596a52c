"""Every sentence of advice by its id, in English; entomologists sign the translations in advisory.po.

No sentence names a product or a dose. One that did would carry the translator's note `chemical`, which
keeps it in English until a reviewer has approved its translation.
"""

from pestwatch.i18n import N_

MESSAGES: dict[str, str] = {
    # Nothing can be said yet
    "first_count": N_("There is no count yet. Count this trap."),
    "count_now": N_("The last count is %(days)s days old. Count this trap today."),
    "photo_again": N_("The photo was not clear enough to count. Take it again, or count by hand."),
    "empty_first": N_(
        "It is not known since when the trap has been catching. Empty it today and count again tomorrow."
    ),
    "change_lure": N_("The lure is old, or its age is not known. Put in a new lure: an old one draws no insects."),
    # What the catch says
    "zero": N_("No insect was caught. Count again in %(days)s days."),
    "low": N_("The catch is low. Count again in %(days)s days."),
    "near": N_("The catch is getting near the number at which plants are inspected. Count again in %(days)s days."),
    "rising": N_("The catch has risen three times in a row. Count again in %(days)s days."),
    "rising_maybe": N_("The catch seems to be rising; the phone's counts are not exact. Count again in %(days)s days."),
    "inspect_today": N_("The catch has reached the number at which plants are inspected. Look at your plants today."),
    "maybe_reached": N_(
        "The catch may have reached the number at which plants are inspected: the phone's count is not exact. "
        "Count with your own eyes, and look at your plants today."
    ),
    "maybe_below": N_("The phone's count is not exact: the catch may be a little below that number."),
    "confirmed": N_("The plants confirm it: there is damage that needs action. Call your officer today."),
    "sample_confirmed": N_("The plants count more than the trap: show the damage to your officer today."),
    "sample_low": N_(
        "The catch is high, but your plants show little damage so far. Look at them again with each count."
    ),
    "found_damage": N_("You looked at %(looked)s. Damaged: %(found)s."),
    "found_insects": N_("You looked at %(looked)s. Insects and eggs found: %(found)s."),
    "sample_more": N_("You have looked at %(looked)s of %(sample)s. Go on looking."),
    # i18n: Krishi Vigyan Kendra, the farm science centre of the district
    "kvk": N_("If you have no officer, ask the Krishi Vigyan Kendra."),
    # i18n: parasitoids are tiny wasps that destroy the eggs of the pest
    "parasitoids": N_(
        "The catch has reached the number at which parasitoid wasps are released. Ask your officer for them."
    ),
    "count_tomorrow": N_("Count again tomorrow."),
    "count_again": N_("Count again in %(days)s days."),
    "doubtful_photo": N_("The photo was doubtful. Check the number by counting with your own eyes."),
    # Pests for which nobody knows a trap number
    "no_trap_number": N_("For this pest no trap number is known that tells when to act. The plants tell it."),
    "trend_up": N_("The catch is rising. Look at your plants today."),
    "trend_maybe_up": N_("The catch may be rising; the phone's counts are not exact. Look at your plants today."),
    "trend_down": N_("The catch is falling."),
    "trend_same": N_("The catch stays about the same."),
    # Rung 1: look, in fixed numbers
    "look_bolls_flowers": N_("Walk through the whole field. Look at 100 flowers and open 20 green bolls."),
    "look_cotton_plants": N_("Walk through the whole field. Look for eggs and larvae on 20 plants."),
    "look_tomato_mines": N_(
        "Walk through the whole field. Look for mines in the leaves and for larvae in leaves and fruit."
    ),
    "look_maize_w": N_("Walk through the field along a W. Look into the whorl of 20 plants."),
    "look_rice_eggs": N_(
        "Walk through the whole field. Look for egg masses on the leaves, one square metre at a time."
    ),
    "look_plants": N_("Walk through the whole field. Look for eggs, larvae and damage on the plants."),
    # What a sample means, by the id of its threshold
    "plant_PECTGO-4": N_("It is serious when 5 of 100 flowers are rosette-shaped or damaged."),
    "plant_PECTGO-7": N_("It is serious when 10 of 100 flowers are rosette-shaped, or 2 of 20 bolls hold larvae."),
    "plant_HELIAR-4": N_("It is serious when there is one egg or one larva on each plant."),
    "plant_EARIVI-2": N_("It is serious when more than 10 of 100 buds, flowers and bolls are damaged."),
    "plant_LAPHFR-2": N_("It is serious when 1 of 20 young plants, or 2 of 20 grown plants, are infested."),
    "plant_SCIRIN-4": N_("It is serious when there are 2 egg masses, or 1 moth, in one square metre."),
    "plant_NILALU-1": N_("It is serious when there are 5 hoppers on one hill."),
    "plant_NILALU-2": N_("It is serious when there are 10 hoppers on one hill."),
    "plant_NILALU-3": N_("It is serious when there is 1 hopper on each tiller."),
    "plant_BEMITA-1": N_("It is serious when there are 6 whiteflies on one leaf before 10 in the morning."),
    "plant_LEUIOR-1": N_("It is serious when 1 of 100 fruits is damaged."),
    "ask_officer": N_("Do not spray because of the trap alone. Show your officer what you found on the plants."),
}
"""Id -> English sentence. An id never changes its meaning."""

LEVEL_NAMES: dict[str, str] = {
    "no-data": N_("Not known"),
    "watch": N_("Watch the plants"),
    "green": N_("Low"),
    "yellow": N_("Getting near"),
    "orange": N_("Inspect today"),
    "red": N_("Act with your officer"),
    "confirmed": N_("Call your officer today"),
}
"""Level -> its English name, for screens and bulletins; `confirmed` stands for orange once the plants were looked at."""
