"""One alarm."""

from __future__ import annotations

from oslo_vmware.simulator.objects.alarms import Alarms, leaves
from oslo_vmware.simulator.objects.events.log import EventLog
from oslo_vmware.simulator.objects.events.where import argument
from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

_LEAVES = ('StateAlarmExpression', 'MetricAlarmExpression', 'EventAlarmExpression')


@managed('Alarm')
class Alarm(ManagedObject):
    """An alarm, defined on an entity.

    :param entity: counts for it and all below it
    :param spec: an AlarmSpec
    :param user: who makes it
    """

    availableField: list[DataObject] = []
    value: list[DataObject] = []
    info: DataObject

    def __init__(
        self,
        world: World,
        alarms: Alarms,
        events: EventLog,
        entity: ManagedObject,
        spec: DataObject,
        user: str,
    ) -> None:
        check(alarms, spec)
        self._alarms = alarms
        self._events = events
        self._entity = entity
        super().__init__(world, world.new_id('alarm'))
        self._define(spec, user, creation=0)

    @property
    def name(self) -> str:
        name: str = self.info.name
        return name

    def _define(self, spec: DataObject, user: str, creation: int) -> None:
        self.info = types.AlarmInfo(**vars(spec))
        self.info.key = self.ref.value
        self.info.alarm, self.info.entity = self.ref, self._entity.ref
        self.info.lastModifiedTime, self.info.lastModifiedUser = self.world.now(), user
        self.info.creationEventId = creation
        self._alarms.put(self)
        self.changed('info')

    def tell(self, what: str) -> DataObject:
        """Add an event about it."""
        entity = self.world.objects.get(self._entity.ref.value, self.world.root_folder)
        return self._events.tell(
            f'Alarm{what}Event',
            entity,
            alarm=argument('Alarm', self),
            entity=argument('ManagedEntity', entity),
        )

    def ReconfigureAlarm(self, call: Call) -> None:
        check(self._alarms, call.spec, self)
        user = call.session.user_name if call.session is not None else ''
        self._define(call.spec, user, self.info.creationEventId)
        self.tell('Reconfigured')

    def RemoveAlarm(self, call: Call) -> None:
        self._alarms.drop(self)
        self.tell('Removed')
        self.world.remove(self)


def check(alarms: Alarms, spec: DataObject, alarm: Alarm | None = None) -> None:
    """Refuse what makes no alarm.

    :raises Fault: InvalidName, DuplicateName or InvalidArgument
    """
    if not spec.name:
        raise Fault('InvalidName', 'An alarm needs a name.', name='')
    for other in alarms.alarms.values():
        if other is not alarm and other.info.name == spec.name:
            raise Fault(
                'DuplicateName',
                f"The name '{spec.name}' already exists.",
                name=spec.name,
                object=other.ref,
            )
    found = list(leaves(spec.expression))
    for leaf in found:
        named = leaf.type or leaf.objectType
        if leaf.wire_type not in _LEAVES or (named and not metamodel.exists(named)):
            raise invalid_argument('spec.expression')
    if not found:
        raise invalid_argument('spec.expression')
