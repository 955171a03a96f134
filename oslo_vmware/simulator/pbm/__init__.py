"""Storage policies: the PBM service beside the VIM service.

``rules`` decides whether a datastore satisfies a policy, ``policies`` keeps the policies and what
datastores offer, ``managers`` are the objects that a client talks to, ``endpoint`` is ``/pbm``.
Which policy a machine or a disk has, the machine itself knows: its operations set it.
"""
