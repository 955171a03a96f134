"""The virtual machine: its devices and what backs them, its views, and what is done to it."""
