"""Tasks: work that ends after the operation that began it has answered.

A task is queued, runs with growing progress, and ends in success or error; all steps are
scheduled when it starts, spread evenly over :attr:`World.task_seconds`. It runs before the
operation has answered: a vCenter lets tasks queue only when there are more of them than threads.
The work itself is done in one go at the end, under the world's lock, so that the inventory changes
at the same moment as the task's state, and a watcher never sees a finished task without its effect.
"""

import collections
import functools
import logging
from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.objects.events.catalog import task_label
from oslo_vmware.simulator.objects.events.where import place_of
from oslo_vmware.simulator.objects.history_collector import MAX_COLLECTORS, check_room
from oslo_vmware.simulator.objects.task_history import Entry, TaskHistory, TaskHistoryCollector
from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import (
    DataObject,
    Fault,
    Ref,
    invalid_argument,
    system_error,
    types,
)
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, classes, managed

LOG = logging.getLogger(__name__)

# A vCenter forgets a finished task after ten minutes; the number is bounded besides.
_KEPT_SECONDS = 600
_KEPT_TASKS = 1000
_RECENT_TASKS = 20
_STEPS = 5
# Specifications that events tell; others may hold passwords, and are not kept.
_TOLD_SPECS = ('VirtualMachineConfigSpec', 'DVPortgroupConfigSpec', 'VMwareDVSConfigSpec')


@managed('Task')
class Task(ManagedObject):
    """One task; :meth:`TaskManager.start` and :meth:`TaskManager.show` make it."""

    info: DataObject
    # The specification that its operation was given.
    spec: DataObject | None = None
    # What is to happen when it is cancelled; of a task that is shown.
    _cancel: Callable[[], None] | None = None

    @property
    def ended(self) -> bool:
        return self.info.state in ('success', 'error')

    def CancelTask(self, call: Call) -> None:
        if self.ended:
            raise Fault('InvalidState', 'The task has already completed.')
        if not self.info.cancelable:
            raise Fault('NotSupported', 'The task cannot be cancelled.')
        self.info.cancelled = True
        self._end('error', error=Fault('RequestCanceled', 'The task was canceled by a user.'))
        if self._cancel is not None:
            self._cancel()

    def advance(self, progress: int) -> None:
        """Tell how far a task is that is shown."""
        self._run(progress)

    def end(self, error: DataObject | None = None) -> None:
        """End a task that is shown."""
        if not self.ended:
            self._end('success' if error is None else 'error', error=error)

    def SetTaskState(self, call: Call) -> None:
        if self.ended:
            raise Fault('InvalidState', 'The task has already completed.')
        if call.state in ('success', 'error'):
            self._end(call.state, result=call.result, error=call.fault)
        else:
            self._run(self.info.progress)

    def SetTaskDescription(self, call: Call) -> None:
        self.info.description = call.description
        self.changed('info.description')

    def UpdateProgress(self, call: Call) -> None:
        if not 0 <= call.percentDone <= 100:
            raise Fault('InvalidArgument', invalidProperty='percentDone')
        self._run(call.percentDone)

    def _run(self, progress: int | None) -> None:
        if self.ended:
            return
        if self.info.state == 'queued':
            self.info.state = 'running'
            self.info.startTime = self.world.now()
        self.info.progress = progress
        self.changed('info.state', 'info.startTime', 'info.progress')

    def _finish(self, work: Callable[[], Any]) -> None:
        if self.ended:
            return
        self._run(self.info.progress)
        fault = self.world.task_fault(self.info.name)
        result = None
        if fault is None:
            self.world.task = self
            try:
                result = work()
            except Fault as raised:
                fault = raised
            except Exception as error:
                LOG.exception('The work of %s failed', self.info.name)
                self.world.errors.append(error)
                fault = system_error(error)
            finally:
                self.world.task = None
        if fault is not None:
            self._end('error', error=fault)
        else:
            self._end('success', result=result)

    def _end(
        self, state: str, *, result: Any = None, error: Fault | DataObject | None = None
    ) -> None:
        info = self.info
        info.state = state
        info.progress = None
        info.cancelable = False
        info.completeTime = self.world.now()
        info.result = result.ref if isinstance(result, ManagedObject) else result
        info.error = error.localized() if isinstance(error, Fault) else error
        self.changed('info')
        self.world.task_manager.ended(self)


@functools.cache
def _method_info() -> list[DataObject]:
    """What clients show of the tasks that the simulator has."""
    found = {
        f'{cls.wire_type}.{metamodel.method_name(cls.wire_type, name)}'
        for cls in classes().values()
        for name in dir(cls)
        if name.endswith('_Task')
    }
    return [
        types.ElementDescription(key=key, label=task_label(key), summary=task_label(key))
        for key in sorted(found)
    ]


@managed('TaskManager')
class TaskManager(ManagedObject):
    """Starts tasks and remembers the recent ones."""

    maxCollector = MAX_COLLECTORS

    def __init__(self, world: World, moid: str = 'TaskManager', **properties: Any) -> None:
        self._tasks: collections.deque[Task] = collections.deque()
        self._history = TaskHistory()
        self._last = 0
        super().__init__(world, moid, **properties)

    @property
    def recentTask(self) -> list[Ref]:
        return [task.ref for task in list(self._tasks)[-_RECENT_TASKS:]]

    @property
    def description(self) -> DataObject:
        states = {'queued': 'Queued', 'running': 'Running', 'success': 'Success', 'error': 'Error'}
        return types.TaskDescription(
            methodInfo=_method_info(),
            state=[
                types.ElementDescription(key=key, label=label, summary=label)
                for key, label in states.items()
            ],
            reason=[],
        )

    def start(
        self,
        entity: ManagedObject,
        operation: str,
        work: Callable[[], Any],
        *,
        seconds: float | None = None,
        cancelable: bool = False,
        shown_on: ManagedObject | None = None,
    ) -> Ref:
        """Start a task; what can be refused at once is refused before, with a ``Fault``.

        :param entity: the managed object it works on
        :param operation: wire name of the operation, ``PowerOnVM_Task``
        :param work: done under the world's lock when the time is over; what it returns is the
            task's result, a ``Fault`` that it raises is the task's error
        :param seconds: how long the task takes, instead of the simulator's usual time
        :param cancelable: whether CancelTask is accepted
        :param shown_on: the inventory object that the task is listed at, where ``entity`` is a
            manager
        :returns: the task's reference, an operation's usual return value
        """
        task = self._create(
            shown_on or entity,
            name=operation,
            descriptionId=(
                f'{entity.wire_type}.{metamodel.method_name(entity.wire_type, operation)}'
            ),
            cancelable=cancelable,
        )

        def checked() -> Any:
            # Another task may have taken it away meanwhile.
            self.world.get(entity.ref)
            return work()

        seconds = self.world.task_seconds if seconds is None else seconds
        task._run(0)
        for step in range(1, _STEPS):
            self._later(seconds * step / _STEPS, task, step * 100 // _STEPS)
        self.world.after(seconds, lambda: task._finish(checked))
        return task.ref

    def show(self, entity: ManagedObject, description_id: str, cancel: Callable[[], None]) -> Task:
        """Show something that goes on for as long as somebody else wants as a running task.

        :param cancel: ends it when the task is cancelled
        """
        task = self._create(entity, descriptionId=description_id, cancelable=True)
        task._cancel = cancel
        task._run(0)
        return task

    def CreateTask(self, call: Call) -> DataObject:
        """A task of an extension, which moves it on itself with UpdateProgress and SetTaskState."""
        history = self._history.newest_first()
        parent = next((one.info for one in history if one.info.key == call.parentTaskKey), None)
        if call.parentTaskKey and parent is None:
            raise invalid_argument('parentTaskKey')
        task = self._create(
            self.world.get(call.obj),
            call.initiatedBy,
            descriptionId=call.taskTypeId,
            cancelable=call.cancelable,
            activationId=call.activationId,
            parentTaskKey=call.parentTaskKey,
            rootTaskKey=parent and (parent.rootTaskKey or parent.key),
        )
        return task.info

    def CreateCollectorForTasks(self, call: Call) -> TaskHistoryCollector:
        if call.filter.entity is not None:
            self.world.get(call.filter.entity.entity)
        check_room(self.world, TaskHistoryCollector, call.session)
        return TaskHistoryCollector(self._history, call, self.world)

    def ended(self, task: Task) -> None:
        """Tell the history, and forget a finished task when its time is over."""
        self._history.tell()
        self.world.after(_KEPT_SECONDS, lambda: self._forget(task))

    def _create(self, entity: ManagedObject, user: str | None = None, **info: Any) -> Task:
        world = self.world
        if user is None:
            user = world.session.user_name if world.session is not None else 'VSPHERE.LOCAL\\vpxd'
        self._last += 1
        moid = f'task-{self._last}'
        task = Task(
            world,
            moid,
            info=types.TaskInfo(
                key=moid,
                task=Ref('Task', moid),
                entity=entity.ref,
                entityName=getattr(entity, 'name', None),
                state='queued',
                cancelled=False,
                reason=types.TaskReasonUser(userName=user),
                queueTime=world.now(),
                eventChainId=0,
                **info,
            ),
        )
        if world.call is not None and getattr(world.call.spec, 'wire_type', None) in _TOLD_SPECS:
            task.spec = world.call.spec
        world.witness.task_started(task.info)
        self._history.append(Entry(self._last, task.info, place_of(entity)))
        self._tasks.append(task)
        while len(self._tasks) > _KEPT_TASKS and self._tasks[0].ended:
            self._forget(self._tasks[0])
        if 'recentTask' in metamodel.properties(entity.wire_type):
            recent: list[Ref] = entity.__dict__.get('recentTask') or []
            entity.update(recentTask=[*recent[1 - _RECENT_TASKS :], task.ref])
        self.changed('recentTask')
        return task

    def _later(self, seconds: float, task: Task, progress: int) -> None:
        self.world.after(seconds, lambda: task._run(progress))

    def _forget(self, task: Task) -> None:
        if task in self._tasks:
            self._tasks.remove(task)
            self.world.remove(task)
            entity = self.world.objects.get(task.info.entity.value)
            if entity is not None and entity.__dict__.get('recentTask'):
                entity.update(
                    recentTask=[ref for ref in entity.__dict__['recentTask'] if ref != task.ref]
                )
            self.changed('recentTask')
