"""A recorded graph as a few instructions on arrays.

The stations on the way, in this order: `instructions` (what is alike, and on the same level, is one
instruction), `matrices` (which weighted sums are a matrix product), `views` and `scatter` (how the
operands of an instruction lie in memory), `kernels` (formulas as NumPy calls), `sources` (inputs
that are not copied), `values`, `gradients` and `deposits` (the calls of the two passes), `plan`
(all of it bound to a size of batch), `bundles` (its small calls, many in one). Large batches of
small graphs, in which a sum has few terms or constant weights, go another way: `expressions`
(values and gradients as one formula) and `stream` (that formula bound to registers). Beside them,
`choice` (whether the tape's loop is faster), `naming`, `listing` and `boxes` (for people).

Source: G. Neubig, Y. Goldberg, C. Dyer, On-the-fly Operation Batching in Dynamic Computation
Graphs, 2017.
"""
