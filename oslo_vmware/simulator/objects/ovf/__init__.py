"""Descriptors of the Open Virtualization Format: read, turned into machines, and written."""
