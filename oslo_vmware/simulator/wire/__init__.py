"""Sockets: HTTP and TLS, the endpoints of SOAP, files, leases and tickets."""
