"""What `draw` works with.

`sketch` is what is to be drawn and `names` finds what the user calls it; `circuit`, in the language
of Graphviz, and `tree`, for the terminal, are two ways to draw it. `diagram` draws the instructions
of a recorded function, and `listing` shortens what is printed of it. `picture` is what all drawings
can do, `render` runs Graphviz.
"""
