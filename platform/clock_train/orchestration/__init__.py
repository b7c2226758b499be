"""Stages in a row on one machine: what the demo, the commands and ``ClockTrainer`` run."""
