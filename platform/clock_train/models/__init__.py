"""The networks: parts that do one thing each, and two assemblies of them, teacher and student.

Axis letters in all files here: B batch, C channels, G condition channels, L phones, T frames, N samples, M mel bands.
"""
