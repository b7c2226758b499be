"""From written text to phones: the start is ``frontend.phonemize``."""
