"""A voice as a folder: what its card says, who signed it, and whether its files are those that were signed.

No torch and no ONNX: training, export, serving and the command line all read a folder by these modules.
"""
