"""One lecture or question per file; `chainrule --list` shows them."""

COURSE = [  # in the order of a course
    "perceptron",
    "cost",
    "descent",
    "lecture",
    "backprop_by_hand",
    "why_order",
    "neuron",
    "xor",
    "moons",
    "any_function",
    "gradient_check",
    "newton",
    "digits",
    "improve",
    "hyperparameters",
    "convolution",
    "recurrent",
    "untrained",
    "names",
    "speed",
]
