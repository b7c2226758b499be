"""Sound in, numbers out: reading, resampling, mel, MFCC, F0, formants, loudness, voice activity.

Waveforms are (T,) float32 in [-1, 1], mono; everything is numpy and light libraries, never torch.
"""
