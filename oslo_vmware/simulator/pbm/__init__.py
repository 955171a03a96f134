"""Storage policies: the PBM service beside the VIM service.

``capabilities`` says what rules can be about, ``rules`` whether a datastore satisfies them;
``policies`` keeps the policies and what datastores offer, ``associations`` follows who has which.
The objects that a client talks to are in ``profile_manager``, ``placement``, ``compliance`` and
``replication``, joined in ``managers``. ``/pbm`` itself is in the wing ``wire``; it answers in the
client's version, see ``versions``. Which policy a machine or a disk has, the machine itself knows:
its operations set it.
"""
