"""Other passes over a graph than backward().

`floats` and `graphs` are what `derive` works with: derivatives in floats, and as graphs again.
`evaluation` calls a function on numbers and differentiates what it returns, `extended` is the
arithmetic that gives inf or NaN and no error, and `renewal` is what `recompute` works with.
"""
