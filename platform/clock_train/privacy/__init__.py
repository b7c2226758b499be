"""What a person may ask for: what is held about them, and for how long."""
