"""Single kernels on an emulated core: what measures them and what tests them."""
