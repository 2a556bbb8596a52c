"""From readings to advice: rules, and the words for them. Twin on the phone: field/src/advice/."""
