"""A graph as flat arrays, and the loops that run it at one point. Compiled."""
