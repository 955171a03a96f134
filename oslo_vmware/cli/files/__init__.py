"""Files and images on their way: what ``put``, ``cp`` and ``fetch`` do.

=================  ======================================================================
``local.py``       files on this machine: read and hashed, or new and whole
``places.py``      files on datastores: found, written, read, copied; whole or not there
``packages.py``    OVAs on this machine: read and compared with their checksums, or written
``appliances.py``  machines with all of their files, in and out, each under one lease
``machines.py``    images that become machines, and machines that become images
=================  ======================================================================

Whatever is new has a name of its own until it is whole, and is then given its real one. What fails
or is interrupted is cleared away.
"""
