"""Neurons, layers and networks composed from the engine's Values."""
