"""The managed objects of VIM: a file for each type; ``vm`` and ``host`` have rooms of their own."""
