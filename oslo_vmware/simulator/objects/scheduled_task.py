"""One scheduled task: an operation that the server performs by itself."""

from __future__ import annotations

import datetime
from typing import Any

from oslo_vmware.simulator.objects import schedules
from oslo_vmware.simulator.objects.events.log import EventLog
from oslo_vmware.simulator.objects.events.where import argument
from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed
from oslo_vmware.simulator.world.sessions import Session


@managed('ScheduledTask')
class ScheduledTask(ManagedObject):
    """An operation on an object, and when it is to be performed.

    It is performed as if whoever defined it had called it, and needs the same permissions.

    :param target: what the operation is called on
    :param spec: a ScheduledTaskSpec
    :param session: of whoever defines it
    :param started: when the server started
    """

    availableField: list[DataObject] = []
    value: list[DataObject] = []
    info: DataObject

    def __init__(
        self,
        world: World,
        events: EventLog,
        target: Any,
        spec: DataObject,
        session: Session | None,
        started: datetime.datetime,
    ) -> None:
        check(world, spec, target)
        self._events = events
        self._target = target
        self._started = started
        # Counts its definitions, so that what was planned for an old one does nothing.
        self._generation = 0
        super().__init__(world, world.new_id('schedule'))
        self._define(spec, session)

    @property
    def name(self) -> str:
        name: str = self.info.name
        return name

    @property
    def target(self) -> Any:
        return self._target

    def _define(self, spec: DataObject, session: Session | None) -> None:
        entity = self._target if self._target.is_a('ManagedEntity') else self.world.root_folder
        before = self.__dict__.get('info')
        self._session = session
        self.info = types.ScheduledTaskInfo(**vars(spec))
        self.info.scheduledTask, self.info.entity = self.ref, entity.ref
        self.info.taskObject = self._target.ref
        self.info.lastModifiedTime = self.world.now()
        self.info.lastModifiedUser = session.user_name if session is not None else ''
        self.info.state = 'queued'
        self.info.prevRunTime = before.prevRunTime if before is not None else None
        self._generation += 1
        self._plan(self.info.lastModifiedTime)
        self.changed('info')

    def _plan(self, after: datetime.datetime) -> None:
        """Wait for the next time that it is due."""
        info, generation = self.info, self._generation
        origin = schedules.Origin(self._started, info.lastModifiedTime)
        due = schedules.next_run(info.scheduler, origin, after) if info.enabled else None
        info.nextRunTime = due
        if due is None:
            return

        def run() -> None:
            here = self.world.objects.get(self.ref.value) is self
            if here and generation == self._generation:
                # From a moment later on, lest it is the same time again.
                self._plan(due + datetime.timedelta(milliseconds=1))
                if self.info.state != 'running':
                    self._perform()

        self.world.after(max(0.0, (due - self.world.now()).total_seconds()), run)

    # --- performing

    def _perform(self) -> None:
        info = self.info
        info.prevRunTime = self.world.now()
        info.error = info.result = None
        info.state = 'running'
        self.tell('Started')
        try:
            result = self._call()
        except Fault as fault:
            self._end('error', fault.localized())
            return
        is_task = isinstance(result, Ref) and result.type == 'Task'
        task: Any = self.world.objects.get(result.value) if is_task else None
        if task is None:
            self._end('success', result=result)
        else:
            self._follow(task)
        self.changed('info')

    def _call(self) -> Any:
        """Call the operation; its result, or a Fault."""
        target: Any = self.world.get(self._target.ref)
        operation, arguments = arguments_of(target, self.info.action)
        args = types[f'{operation}RequestType'](_this=target.ref, **arguments)
        call = Call(operation, target.ref, args, self._session)
        self.world.guard.check(call, target)
        with self.world.acting(call):
            return getattr(target, operation)(call)

    def _follow(self, task: Any) -> None:
        """Show how the task that the operation has started gets on."""
        task.info.reason = types.TaskReasonSchedule(name=self.name, scheduledTask=self.ref)
        self.info.activeTask = task.ref

        def hear(obj: Any, names: tuple[str, ...] | None) -> None:
            if obj is not task:
                return
            self.info.progress = task.info.progress
            if task.ended or names is None:
                self.world.unlisten(hear)
                self._end(task.info.state, task.info.error, task.info.result)

        self.world.listen(hear)

    def _end(self, state: str, error: DataObject | None = None, result: Any = None) -> None:
        info = self.info
        info.state, info.error, info.activeTask, info.progress = state, error, None, None
        info.result = result.ref if isinstance(result, ManagedObject) else result
        if self.world.objects.get(self.ref.value) is self:
            if error is None:
                self.tell('Completed')
            else:
                self.tell('Failed', reason=error)
            self.changed('info')

    def tell(self, what: str, **fields: Any) -> None:
        """Add an event about it."""
        entity = self.world.objects.get(self.info.entity.value, self.world.root_folder)
        self._events.tell(
            f'ScheduledTask{what}Event',
            entity,
            scheduledTask=argument('ScheduledTask', self),
            entity=argument('ManagedEntity', entity),
            **fields,
        )

    # --- operations

    def RunScheduledTask(self, call: Call) -> None:
        self._must_rest()
        self._perform()

    def ReconfigureScheduledTask(self, call: Call) -> None:
        self._must_rest()
        check(self.world, call.spec, self._target, self)
        self._define(call.spec, call.session)
        self.tell('Reconfigured')

    def RemoveScheduledTask(self, call: Call) -> None:
        self._must_rest()
        self.tell('Removed')
        self.world.remove(self)

    def _must_rest(self) -> None:
        if self.info.state == 'running':
            raise Fault('InvalidState', f"The scheduled task '{self.name}' is running.")


def arguments_of(target: Any, action: DataObject) -> tuple[str, dict[str, Any]]:
    """The operation that an action names, and its arguments by name.

    :raises Fault: InvalidArgument when the object has no such operation
    """
    operation = metamodel.operation_named(target.wire_type, action.name)
    if operation is None or not callable(getattr(type(target), operation, None)):
        raise invalid_argument('spec.action.name')
    values = [one.value for one in action.argument or ()]
    parameters = metamodel.parameters(target.wire_type, operation)
    if len(values) > len(parameters):
        raise invalid_argument('spec.action.argument')
    return operation, dict(zip(parameters, values, strict=False))


def check(world: World, spec: DataObject, target: Any, own: ScheduledTask | None = None) -> None:
    """Refuse what makes no scheduled task.

    :raises Fault: InvalidName, DuplicateName or InvalidArgument
    """
    if not spec.name:
        raise Fault('InvalidName', 'A scheduled task needs a name.', name='')
    for other in world.of_type(ScheduledTask):
        if other is not own and other.info.name == spec.name:
            raise Fault(
                'DuplicateName',
                f"The name '{spec.name}' already exists.",
                name=spec.name,
                object=other.ref,
            )
    if spec.scheduler.wire_type not in schedules.KNOWN:
        raise invalid_argument('spec.scheduler')
    wrong = schedules.problem(spec.scheduler)
    if wrong is not None:
        raise invalid_argument(f'spec.scheduler.{wrong}')
    # Mails and scripts are for alarms.
    if spec.action.wire_type != 'MethodAction':
        raise invalid_argument('spec.action')
    arguments_of(target, spec.action)
