"""Sphinx's settings for the site. Its pages are written by tools/site.py, which says where."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

project = "Diffusion Models for Image Generation"
html_title = project
extensions = ["myst_nb", "sphinx_copybutton"]
html_theme = "furo"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]

html_copy_source = html_show_sourcelink = html_show_search_summary = False  # the last is fetched, which files can't be
html_use_index = html_domain_indices = False
html_show_copyright = html_show_sphinx = False
html_math_renderer = "mathml"


FUNCTION, SPACE = "<mi>(?:ln|log|sin|cos)</mi>", '<mspace width="0.17em"/>'


def mathml(node: nodes.Element, **look: str) -> str:
    """A formula as MathML, with the spaces before and after ln p that the converter leaves out."""
    text = re.sub(f"({FUNCTION})(?=<m(?!o))", rf"\1{SPACE}", convert(node.astext(), **look))
    return re.sub(f"(</m(?:i|n|sub|sup)>|&#x02207;</mo>)(?={FUNCTION})", rf"\1{SPACE}", text)


def inline_math(self, node: nodes.math) -> None:
    """A formula that a browser shows by itself."""
    self.body.append(mathml(node))
    raise nodes.SkipNode


def block_math(self, node: nodes.math_block) -> None:
    self.body.append(f'<div class="formula">{mathml(node, display="block")}</div>')
    raise nodes.SkipNode


def let_keys_scroll(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Wide code can be scrolled without a mouse."""
    context["body"] = context.get("body", "").replace("<pre>", '<pre tabindex="0">')


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    app.connect("html-page-context", let_keys_scroll)
