"""The project's CUDA kernels called from Python, on a GPU or emulated, beside a reference.

`structs` reads what the kernels take from parameters.cuh, `nvrtc` compiles them, `gpu` and
`emulator` launch them on tensors of torch; `attention` and `companions` are what the Java host
does. `reference` is what they are compared with, on the `problems` that `checks` goes through;
`contestants` are timed by `timing`.
"""
