"""The types of PBM, the service of storage policies at ``/pbm``, as classes.

``PbmPlacementHub(hubType='Datastore', hubId='datastore-1')`` makes the object that
``factory.create('ns0:PbmPlacementHub')`` of ``session.pbm.client`` makes, with these members set,
and takes no session. ``dir()`` of this module lists what there is.
"""

from oslo_vmware.types import _namespace

#: Nothing, so that ``help()`` of this module is not as long as a book.
__all__: list[str] = []

_types = _namespace.shipped(__name__, 'shipped_pbm')


def __getattr__(name: str) -> object:
    return getattr(_types, name)


def __dir__() -> list[str]:
    return dir(_types)
