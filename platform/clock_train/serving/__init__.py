"""Voices that are served: opened from a verified bundle, spoken by ONNX Runtime, without torch."""
