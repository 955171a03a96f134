"""The library at work, for people to look at: ``python -m demo``, or ``make demo``.

=================  ====================================================================
``steps.py``       what is shown, one function for each step, in the order of the file
``runner.py``      runs the steps, times them, says what failed
``connection.py``  the server that it is shown on: a simulated vCenter, or your own one
``policies.py``    reads the storage policies; the command line reads all else
``show.py``        how it looks, by the vocabulary of the command line
=================  ====================================================================

A new step is one function in ``steps.py``::

    @step('Title of the step', changes_something=True)
    def name_of_the_step(stage: Stage) -> None:
        ...

It gets the open session as ``stage.session``, prints through ``stage.show``, and fails by raising:
the library's exceptions as they come, or :class:`~demo.runner.StepFailed` for what the step itself
finds wrong. A step that changes something is left out on a server that is not simulated.
"""
