"""Names and values that the vSphere servers and the users of the library share."""

from typing import Final

#: Path of the only datacenter that a stand-alone ESX host has.
ESX_DATACENTER_PATH: Final = 'ha-datacenter'

#: What the library calls itself in HTTP requests that move image data.
USER_AGENT: Final = 'OpenStack-ESX-Adapter'

#: Cookie that carries a session of the SOAP services.
SOAP_COOKIE_KEY: Final = 'vmware_soap_session'

#: Cookie that carries a ticket for one HTTP request, see ``AcquireGenericServiceTicket``.
CGI_COOKIE_KEY: Final = 'vmware_cgi_ticket'
