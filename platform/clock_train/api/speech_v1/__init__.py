"""clocktrain.speech.v1: the .proto, and the code that ``make generate`` writes from it; a test holds them equal."""
