"""An inaudible, keyed mark in every sound that ClockTrain makes, and the detector that finds it. No torch."""
