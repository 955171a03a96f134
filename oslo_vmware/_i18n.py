"""Marks the texts that can be translated: ``from oslo_vmware._i18n import _``.

A marked text may be translated lazily, so it is any object whose ``str()`` is the text.
See the `oslo.i18n usage guide <https://docs.openstack.org/oslo.i18n/latest/user/usage.html>`_.
"""

import oslo_i18n

DOMAIN = 'oslo_vmware'

_translators = oslo_i18n.TranslatorFactory(domain=DOMAIN)

#: The primary translation function, by the name that the extraction tools look for.
_ = _translators.primary
