"""The page that the data plane shows by itself when nothing else can answer."""

from __future__ import annotations

from markupsafe import escape

from vestibule.model.organization import Brand
from vestibule.web.pages.templating import visible

# No file can be fetched when nobody answers, so the style travels in the page. It carries
# no script and refers to nothing.
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not available right now · {organization}</title>
<style>
:root {{ color-scheme: light dark; --canvas: #f1eee6; --surface: #fff; --text: #20262b;
  --muted: #566067; --frame: #1d5a53 }}
@media (prefers-color-scheme: dark) {{ :root {{ --canvas: #13161a; --surface: #1d2128;
  --text: #eceae4; --muted: #a9b0b3; --frame: #6fb5a8 }} }}
* {{ box-sizing: border-box }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem;
  background: var(--canvas); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }}
main {{ max-width: 27rem; padding: 2.25rem 1.75rem; border-radius: 1.25rem;
  background: var(--surface); overflow-wrap: anywhere }}
svg {{ display: block; width: 4rem; height: 4rem; margin-bottom: 1.25rem; color: var(--frame) }}
h1 {{ margin: 0 0 .6rem; font-size: 1.5rem; line-height: 1.25 }}
p {{ margin: 0 0 .8rem }}
.muted {{ margin: 0; color: var(--muted); font-size: .9rem }}
</style>
</head>
<body>
<main>
<svg viewBox="0 0 96 96" fill="none" stroke="currentColor" stroke-width="3" aria-hidden="true">
<path d="M16 92V46a32 32 0 0 1 64 0v46M8 92h80"/><path d="M36 92V50a12 12 0 0 1 24 0v42"
stroke-dasharray="4 5"/></svg>
<h1>Not available right now</h1>
<p>The access gateway could not answer, so it let nobody through. Nothing is wrong with your
account, and people who are already signed in keep working.</p>
<p>Wait a minute, then load the page again.</p>
<p class="muted">{organization}{contact}</p>
</main>
</body>
</html>
"""


def local_reply(brand: Brand) -> str:
    """The whole page as HTML, with nothing to fetch; the caller passes it to the compiler.

    It holds no `%`, which Envoy's body format would take for a command: those of the brand
    are written as a character reference.
    """
    contact = f" · {escape(visible(brand.support_contact))}" if brand.support_contact else ""
    organization = escape(visible(brand.organization_name))
    return _PAGE.format(organization=organization, contact=contact).replace("%", "&#37;")
