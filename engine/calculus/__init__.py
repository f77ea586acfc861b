"""The passes beside the graph that `derive` works with: in floats, and as graphs again."""
