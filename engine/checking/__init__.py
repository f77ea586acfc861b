"""What `gradcheck` works with: differences, what it is given, what it suspects and finds."""
