"""What the app says aloud: sentences to clips, synthesized or recorded, packed for the phone. Runs when the app is built."""
