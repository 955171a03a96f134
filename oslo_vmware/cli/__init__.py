"""The command line, ``oslo-vmware``; ``python -m oslo_vmware`` is the same.

=================  ================================================================================
``main.py``        finds the command, runs it, turns what goes wrong into words and an exit code
``context.py``     what a command is given: its options, the output, a session when it asks
``connection.py``  which server, user, password and trust: from options and the environment
``failures.py``    what ends a command, with its exit code
``output.py``      the vocabulary of all output, in plain text; ``rich_output.py`` has colours,
                   ``choice.py`` chooses
``commands/``      one module for each command or family, named in the table of its ``__init__``
=================  ================================================================================

A command is a module in ``commands/`` and a line in ``commands.COMMANDS``. The module is imported
when it is called. It begins with a docstring, which is its help, and has examples and two
functions; the page of the documentation is made of these::

    EXAMPLES = '''oslo-vmware ls /DC1/vm'''                     # whole command lines

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument('path', nargs='?', default='/')

    def run(context: Context) -> int | None:            # None and 0: done; 1: the answer is no
        session = context.session                       # connects; is closed at the end
        rows = read(session, context.options.path)
        context.out.data([row.as_dict() for row in rows])       # shown with --json, and only then
        context.out.table(['Name', '>Size'], [[row.name, size(row.size)] for row in rows])

With ``--json`` all output but ``data`` and ``record`` (one of many, a line each) is left out, so a
command has both and never asks. It fails by raising: the library's exceptions as they come, or
those of ``failures``. A long transfer is followed with a bar (bytes, rate, time left), which is
on stderr and only at a terminal, and a task with another (percent, state)::

    with context.out.transfer('Uploading image.vmdk', total=size) as bar:
        copy(..., progress=bar.update)                  # bar.update(bytes done, total=None)
    with context.out.task('Powering on web-01') as bar:
        session.wait_for_task(task, progress=bar.update)        # bar.update(percent, state='')
"""
