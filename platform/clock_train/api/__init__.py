"""The doors of a server of voices, HTTP and gRPC, over one desk that asks Triton. No torch.

``speech_v1`` holds the interface of the gRPC door as a .proto, and the code that ``make generate`` writes from it.
"""
