"""How a function is recorded, and what a recorded function does when it is called."""
