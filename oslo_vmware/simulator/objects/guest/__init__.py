"""What is in the guests of machines, as VMware Tools let clients see and change it."""
