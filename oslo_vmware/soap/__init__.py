"""The SOAP engine: XML and HTTP, and nothing of sessions.

``client`` is the face that the layers above know, and where the engine is chosen. ``compiled`` is
the engine: ``marshal`` writes requests, ``unmarshal`` reads replies, ``factory`` makes request
objects (``objects``, ``values``), by a ``schema``: a service's description as immutable data, of
``declarations`` compiled by ``wsdl`` from WSDL and XSD or opened by ``stored``. ``descriptions``
knows which, and ``versions`` what both sides speak. ``reference`` is the other engine, a stock suds
client, with its accessories in ``suds_parts``.

``transport`` is the only part that does I/O: over connections of its own (``wire``, which reads
``answers``), or through requests (``proxied``) where there is a proxy, a file or an odd URL.
"""
