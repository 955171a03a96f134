"""What a simulated managed object is, and where all of them are kept.

A managed object type is one class, registered by its vSphere name::

    @managed('Folder')
    class Folder(ManagedObject):
        def CreateFolder(self, call): ...        # an operation: the method of that name

Its properties are its Python attributes of the vSphere names (``name``, ``childEntity``);
one that is costly or derived is a ``@property``, so that ten thousand machines cost memory
only for what differs. An operation changes attributes, then says so with
:meth:`ManagedObject.changed`, which wakes the property filters that watch the object.

Operations run one at a time under :attr:`World.lock`; whoever waits (``WaitForUpdatesEx``)
waits on :attr:`World.changes`, which gives the lock up meanwhile. What is to happen later goes
through :meth:`World.after`; it then runs under the lock as well, so that nothing in a managed
object needs a lock of its own.
"""

import contextlib
import datetime
import random
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref
from oslo_vmware.simulator.world.sessions import Session
from oslo_vmware.simulator.world.tags import Tags

_CLASSES: dict[str, type['ManagedObject']] = {}


def managed(wire_type: str) -> Callable[[type['ManagedObject']], type['ManagedObject']]:
    """Register a class as the implementation of a managed object type."""

    def register(cls: type['ManagedObject']) -> type['ManagedObject']:
        cls.wire_type = wire_type
        _CLASSES[wire_type] = cls
        return cls

    return register


def class_for(wire_type: str) -> type['ManagedObject']:
    """The class registered for a managed object type."""
    return _CLASSES[wire_type]


def classes() -> Mapping[str, type['ManagedObject']]:
    """All that are registered, by managed object type."""
    return _CLASSES


class Disconnect(Exception):
    """Raised by whoever serves a request: close the connection without a word."""


class NotAuthenticated(Exception):
    """Raised by an operation that needs a session for what it was asked."""


def anonymous(method: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an operation that is open to those who are not logged in."""
    method.is_anonymous = True  # type: ignore[attr-defined]
    return method


def is_anonymous(method: Callable[..., Any] | None) -> bool:
    """Whether an operation is open to those who are not logged in."""
    return getattr(method, 'is_anonymous', False)


class Call:
    """One operation as it arrived: its arguments are attributes, an absent one is ``None``.

    An argument that is called like an attribute of this class is reached through ``args``.

    :ivar new_session: set by a login; its cookie goes out with the reply
    :ivar headers: of the HTTP request
    :ivar soap_action: the one of these that names the client's version of the API
    """

    def __init__(
        self,
        operation: str,
        target: Ref,
        args: DataObject,
        session: Session | None = None,
        op_id: str | None = None,
    ) -> None:
        self.operation = operation
        self.target = target
        self.args = args
        self.session = session
        self.op_id = op_id
        self.new_session: Session | None = None
        self.headers: Mapping[str, str] = {}
        self.soap_action = ''

    def __getattr__(self, name: str) -> Any:
        return getattr(self.args, name)


class ManagedObject:
    """One object of the inventory."""

    wire_type: ClassVar[str] = 'ManagedObject'
    # Whether filters are told when one appears. Not so of what is made when somebody first asks
    # for it: to clients it has always been there.
    announced: ClassVar[bool] = True

    def __init__(self, world: 'World', moid: str, **properties: Any) -> None:
        self.world = world
        self.ref = Ref(self.wire_type, moid)
        self.__dict__.update(properties)
        world.add(self)

    def changed(self, *names: str) -> None:
        """Tell the property filters that these properties have new values.

        ``changed('runtime.powerState', 'summary')``: a path below a property says that only
        that part may differ, which saves the filters a comparison and nothing else.
        """
        self.world.note_change(self, names)

    def update(self, **properties: Any) -> None:
        """Set properties and tell the filters, in one step."""
        self.__dict__.update(properties)
        self.changed(*properties)

    def is_a(self, wire_type: str) -> bool:
        """Whether the object's type is the named one or derived from it."""
        return wire_type in metamodel.ancestors(self.wire_type)

    def __repr__(self) -> str:
        return f'<{self.ref.type}:{self.ref.value}>'


class Scheduler(Protocol):
    """Who runs what is to happen later."""

    def after(self, seconds: float, function: Callable[[], Any]) -> None: ...


class ShownTask(Protocol):
    """A task that stands for something which goes on elsewhere."""

    @property
    def ref(self) -> Ref: ...

    def advance(self, progress: int) -> None: ...

    def end(self, error: DataObject | None = None) -> None: ...


class Tasks(Protocol):
    """Who runs tasks, the TaskManager."""

    def start(
        self,
        entity: ManagedObject,
        operation: str,
        work: Callable[[], Any],
        *,
        seconds: float | None = None,
        cancelable: bool = False,
        shown_on: ManagedObject | None = None,
    ) -> Ref: ...

    def show(
        self, entity: ManagedObject, description_id: str, cancel: Callable[[], None]
    ) -> ShownTask: ...

    def ended(self, task: Any) -> None: ...


class Files(Protocol):
    """Who keeps the files of datastores; what :meth:`of` gives is a ``storage.files.Volume``."""

    def of(self, datastore: Any) -> Any: ...

    def at(self, address: str) -> tuple[Any, str]: ...

    def follow(self, machine: Any) -> None: ...

    def release(self, machine: Any) -> None: ...

    def destroy(self, machine: Any) -> None: ...

    def remove_disk(self, datastore: Any, path: str) -> None: ...

    def occupied(self, datastore: Any, path: str) -> int | None: ...

    def set_capacity(self, datastore: Any, name: str, capacity: int) -> None: ...

    def close(self) -> None: ...


class Targets(Protocol):
    """What the storage network offers to hosts, ``storage.targets.Targets``."""

    def at(self, address: str, port: int | None, iqn: str | None = None) -> list[Any]: ...


class Leases(Protocol):
    """Who serves the disks of leases, and says what their URLs look like."""

    lease_seconds: float
    claimed_certificate: str | None
    can_pull: bool

    @property
    def thumbprint(self) -> str: ...

    def url(self, ticket: str, name: str) -> str: ...

    def add(self, lease: Any) -> None: ...

    def drop(self, lease: Any) -> None: ...

    def pull(self, lease: Any, files: Any) -> Ref: ...


class Policies(Protocol):
    """Who knows the storage policies."""

    def known(self, profile_id: str) -> bool:
        """Whether there is a policy that machines and disks can have."""

    def default_of(self, datastore: Any) -> str | None:
        """The id of a datastore's default policy."""

    def generation(self, profile_id: str) -> int:
        """Counts the changes of a policy."""

    def follow_disk(self, disk: Any) -> None:
        """There is a first class disk, or it has another policy, size or place."""

    def forget_disk(self, disk_id: str) -> None:
        """There is no such disk any more."""


class FirstClassDisks(Protocol):
    """Who knows the disks that have a life of their own; each is a ``FirstClassDisk``."""

    def get(self, disk_id: str, place: Any = None) -> Any:
        """A disk by its id, on a datastore if one is named.

        :raises Fault: NotFound
        """

    def at(self, place: Any, path: str) -> Any:
        """The disk whose file that is; None if it is nobody's."""

    def moved(self, disk_id: str, place: Any, path: str) -> None:
        """The machine that a disk is attached to has taken it to another place."""


class Witness:
    """Who is told what happens, for the history of the server; this one forgets it.

    What is told belongs together until :meth:`settle`: a machine that appears, gets a host and
    is switched on was created and switched on, not renamed, moved and reconfigured.
    """

    def created(self, obj: ManagedObject) -> None:
        """An object of the inventory has appeared."""

    def changed(self, obj: ManagedObject, name: str, old: Any) -> None:
        """A piece of its state, or what it is linked to, was set or let go."""

    def leaving(self, obj: ManagedObject) -> None:
        """It is about to go; its links are still there."""

    def logged_in(self, session: Session) -> None:
        """A session has begun."""

    def logged_out(self, session: Session) -> None:
        """A session has ended."""

    def refused(self, user_name: str) -> None:
        """Somebody could not log in."""

    def task_started(self, info: DataObject) -> None:
        """There is a new task; sets the ``eventChainId`` of its TaskInfo."""

    def settle(self) -> None:
        """What was being done has been done."""


class Guard:
    """Who knows what users may do; this one lets everybody do everything."""

    def check(self, call: Call, target: ManagedObject) -> None:
        """Refuse an operation that the caller may not perform.

        :raises Fault: NoPermission
        """

    def denial(self, ref: Ref, path: str) -> Fault | None:
        """Why whoever acts just now may not read a property; None when that is allowed."""
        return None

    def visible(self, objects: list[Any]) -> list[Any]:
        """Those of some objects, or references, that whoever acts just now may know of."""
        return objects

    def may_enter(self, session: Session) -> bool:
        """Whether there is anything that a user may see."""
        return True

    def roles(self, entity: ManagedObject) -> list[int]:
        """The roles on an entity of whoever acts just now."""
        return [-1]


class AlarmStates:
    """Who knows how alarms stand; this one has none."""

    def declared(self, entity: ManagedObject) -> list[DataObject]:
        """The states of all alarms that count for an entity."""
        return []


Listener: TypeAlias = Callable[[ManagedObject, tuple[str, ...] | None], None]


class World:
    """All managed objects of one simulated server, by id, and what they share.

    :ivar lock: held while an operation, or something scheduled, runs
    :ivar changes: condition on that lock, notified at every change
    :ivar about: the server's ``AboutInfo``
    :ivar random: the only source of randomness, seeded
    :ivar task_seconds: how long a task takes
    :ivar tags: those that clients make, and what has them
    :ivar errors: mistakes of the simulator itself, exceptions that are no ``Fault``
    """

    # Set while the server is put together, before the first operation: the inventory sets the
    # first four and the disks, the kernel the rest.
    root_folder: ManagedObject
    extension_manager: ManagedObject
    search_index: ManagedObject
    files: Files
    targets: Targets
    nfc: Leases
    service_instance: ManagedObject
    task_manager: Tasks
    scheduler: Scheduler
    policies: Policies
    first_class_disks: FirstClassDisks
    about: DataObject
    witness = Witness()
    guard = Guard()
    # Definitions of the fields that clients have invented, CustomFieldDef objects.
    custom_fields: Sequence[DataObject] = ()
    alarms = AlarmStates()
    # Whose operation runs just now, and which; None in what was scheduled.
    session: Session | None = None
    call: Call | None = None
    # The task whose work is done just now.
    task: Any = None

    def __init__(self, *, seed: int = 0, task_seconds: float = 0.0) -> None:
        self.lock = threading.RLock()
        self.changes = threading.Condition(self.lock)
        self.objects: dict[str, ManagedObject] = {}
        self.random = random.Random(seed)
        self.task_seconds = task_seconds
        # What the test wants a task of that operation to fail with, see faults.Faults.
        self.task_fault: Callable[[str], Fault | None] = lambda operation: None
        # Makes what is made when somebody first asks for it, if that is what is asked for.
        self.make_late: Callable[[Ref], ManagedObject | None] = lambda ref: None
        self.tags = Tags()
        self.errors: list[Exception] = []
        self.version = 0
        self._last_id = 0
        self._listeners: dict[Listener, None] = {}

    def new_id(self, prefix: str) -> str:
        """The next managed object id: ``vm`` gives ``vm-11``, ``group-v`` gives ``group-v12``.

        One counter serves all kinds, as in a vCenter, so that no two objects share a number.
        """
        self._last_id += 1
        return f'{prefix}{self._last_id}' if '-' in prefix else f'{prefix}-{self._last_id}'

    def new_uuid(self) -> str:
        """A random UUID in its usual text form, the same for the same seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def now(self) -> datetime.datetime:
        """The server's clock, in UTC."""
        return datetime.datetime.now(datetime.UTC)

    def after(self, seconds: float, function: Callable[[], Any]) -> None:
        """Run a function under the lock when the time has passed.

        What is due at the same time runs in the order of the calls.
        """

        def act() -> None:
            with self.acting():
                function()

        self.scheduler.after(seconds, act)

    @contextlib.contextmanager
    def acting(self, call: Call | None = None) -> Iterator[None]:
        """While an operation, or something scheduled, runs."""
        before = self.call, self.session
        self.call, self.session = call, call.session if call is not None else None
        try:
            yield
        finally:
            self.call, self.session = before
            self.witness.settle()

    def add(self, obj: ManagedObject) -> None:
        with self.lock:
            self.objects[obj.ref.value] = obj
            if obj.announced:
                self._tell(obj, ())

    def remove(self, obj: ManagedObject) -> None:
        """Take an object out; from now on its reference is ManagedObjectNotFound."""
        with self.lock:
            del self.objects[obj.ref.value]
            self._tell(obj, None)

    def find(self, ref: Ref) -> ManagedObject | None:
        """The object a reference names, made now if it is one that waits for that."""
        return self.objects.get(ref.value) or self.make_late(ref)

    def get(self, ref: Ref) -> ManagedObject:
        """The object a reference names.

        :raises Fault: ManagedObjectNotFound when there is none, as the server answers
        """
        found = self.find(ref)
        if found is None or not found.is_a(ref.type):
            raise Fault(
                'ManagedObjectNotFound',
                f"The object 'vim.{ref.type}:{ref.value}' has already been deleted or has not "
                'been completely created',
                obj=ref,
            )
        return found

    def of_type(self, cls: type[ManagedObject]) -> Iterator[Any]:
        """All objects of a class and its subclasses, in order of creation."""
        return (obj for obj in list(self.objects.values()) if isinstance(obj, cls))

    def listen(self, listener: Listener) -> None:
        """Have ``listener(obj, names)`` called at every change, under the lock.

        ``names`` are the changed properties, ``()`` for an object that appeared and ``None``
        for one that is gone.
        """
        self._listeners[listener] = None

    def unlisten(self, listener: Listener) -> None:
        """Undo :meth:`listen`."""
        self._listeners.pop(listener, None)

    def note_change(self, obj: ManagedObject, names: tuple[str, ...]) -> None:
        with self.lock:
            self._tell(obj, names)

    def _tell(self, obj: ManagedObject, names: tuple[str, ...] | None) -> None:
        self.version += 1
        for listener in list(self._listeners):
            listener(obj, names)
        self.changes.notify_all()
