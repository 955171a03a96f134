"""Modules of older releases that callers may still import; nothing of ours uses them."""
