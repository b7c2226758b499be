"""English: numbers and signs into words, words into ARPAbet, ARPAbet into phones."""
