"""Turns VoiceClone resources into RayJobs, and tells in the resource how they fare."""
