"""An inventory that follows changes: what is read again is what has changed.

:class:`Watch` has property values of all objects of some types, and asks the server what is
different since it last asked (``WaitForUpdatesEx``, vSphere API 4.1). Ten thousand machines of
which ten have changed cost one small reply.

Theory of operation. A container view follows the inventory, a property filter over it says what is
of interest, and a property collector of the watch's own counts versions: the server tells all that
has come since the version that it is asked with. An answer of which the way back was lost is asked
for again. When the collector is gone, because the session has expired or the server was restarted,
or when this process was forked off and the collector is that of another, everything is read anew,
compared with what was told already, and told are the differences.

- :mod:`~oslo_vmware.watch.inventory`: what a watch hands out; it never changes once made
- :mod:`~oslo_vmware.watch.reading`: what a watch has on the server, and what it learns from there
- :mod:`~oslo_vmware.watch.turns`: who may ask just now
- :mod:`~oslo_vmware.watch.watching`: the watch
"""

from oslo_vmware.watch.inventory import ByReference, Change, Changes, Values
from oslo_vmware.watch.watching import Watch, WatchClosedException

__all__ = ['ByReference', 'Change', 'Changes', 'Values', 'Watch', 'WatchClosedException']
