"""One lecture or question per file; `chainrule --list` shows them."""
