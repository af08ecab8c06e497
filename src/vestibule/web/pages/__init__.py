"""What a person sees: one view value for each page, and the templates that show them.

`render` makes a page, `static.routes` serves what it refers to, and `local_reply` is the one
page that needs nobody to serve it.
"""

from vestibule.web.pages.brand import brand_css
from vestibule.web.pages.offline import local_reply
from vestibule.web.pages.rendering import RenderedPage, render

__all__ = ["RenderedPage", "brand_css", "local_reply", "render"]
