"""The commands of ``python -m uio2_train``, one module each."""
