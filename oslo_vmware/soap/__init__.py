"""The SOAP engine: XML and HTTP, and nothing of sessions.

``client`` is the face that the layers above know, and where the engine is chosen; ``transport``
is the only part that does I/O. ``schema`` is a service's description as immutable data, compiled
by ``wsdl`` from WSDL and XSD. ``reference`` is the engine there is now, a stock suds client, with
its accessories in ``suds_parts``.
"""
