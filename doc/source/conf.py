"""Configuration of the documentation; ``make docs`` builds it, warnings are errors."""

import importlib.metadata
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / '_ext'))

project = 'oslo.vmware'
copyright = 'the oslo.vmware contributors'
release = importlib.metadata.version(project)
version = '.'.join(release.split('.')[:2])

extensions = ['sphinx.ext.autodoc', 'simulator_tables']

html_theme = 'alabaster'
html_theme_options = {
    'description': 'A client library for VMware vSphere',
    'fixed_sidebar': True,
    'page_width': '72em',
}
html_show_copyright = False
html_show_sphinx = False

autodoc_default_options = {
    'members': True,
    'member-order': 'bysource',
    'show-inheritance': True,
}
# Types go beside the parameters they belong to; the signatures of the session are long enough.
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
