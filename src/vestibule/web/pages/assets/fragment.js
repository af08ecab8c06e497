// A server never sees what follows `#` in an address, so the page hands it on: after sign-in
// a person lands on the same view of a single-page application. Without this, on its start.
const LONGEST = 2000;

if (location.hash.length > 1 && location.hash.length <= LONGEST) {
  for (const link of document.querySelectorAll("a[data-keeps-fragment]")) {
    const url = new URL(link.href);
    if (url.origin !== location.origin) continue;
    url.searchParams.set("fragment", location.hash.slice(1));
    link.href = url.href;
  }
}
