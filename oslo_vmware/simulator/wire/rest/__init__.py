"""The REST API, as far as storage policies and images need it, in both its spellings.

``server`` reads requests of ``/rest`` and of ``/api`` into one form and writes answers back in the
client's; ``tags`` and ``library`` answer them.
"""
