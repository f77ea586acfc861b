"""What `draw` works with: names, circuits, Graphviz and the tree in the terminal."""
