"""ClockTrain installed on a real cluster, as an admin and a voice team do it: images, storage, chart, recordings."""
