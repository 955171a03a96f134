"""Configuration of the documentation; ``make docs`` builds it, warnings are errors."""

import importlib.metadata
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / '_ext'))

project = 'oslo.vmware'
copyright = 'the oslo.vmware contributors'
release = importlib.metadata.version(project)
version = '.'.join(release.split('.')[:2])

extensions = [
    'sphinx.ext.autodoc',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
    'sphinx_design',
    'change_log',
    'check_tables',
    'command_tables',
    'simulator_tables',
]

# Everything that the theme needs is beside the pages: they are whole without a network.
html_theme = 'furo'
html_title = f'{project} {version}'
html_static_path = ['_static']
html_css_files = ['pages.css']
html_theme_options = {
    'navigation_with_keys': True,
    'light_css_variables': {'color-brand-primary': '#0a6c74', 'color-brand-content': '#0a6c74'},
    'dark_css_variables': {'color-brand-primary': '#5cc8c0', 'color-brand-content': '#5cc8c0'},
}
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

# Without the prompt and without what a program prints.
copybutton_exclude = '.linenos, .gp, .go'
copybutton_prompt_text = r'\$ '
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = False

autodoc_default_options = {
    'members': True,
    'member-order': 'bysource',
    'show-inheritance': True,
}
# Types go beside the parameters they belong to; the signatures of the session are long enough.
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
