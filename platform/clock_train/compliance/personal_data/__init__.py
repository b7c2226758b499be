"""Personal data in what was said: where it stands in a transcript, and how it is masked."""
