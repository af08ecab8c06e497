// Narrows the tiles by typing and by tag. Nothing is remembered.
const filters = document.querySelector("[data-filters]");
const tiles = [...document.querySelectorAll("[data-tile]")];
const nothing = document.querySelector("[data-nothing]");

// Case and accents do not count: `resume` finds `Résumé`.
function plain(text) {
  return text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLocaleLowerCase();
}

function narrow(search, tags, tally) {
  const words = plain(search.value).split(/\s+/).filter(Boolean);
  const wanted = tags.filter((tag) => tag.getAttribute("aria-pressed") === "true");
  let shown = 0;
  for (const tile of tiles) {
    const text = plain(tile.dataset.words);
    const has = tile.dataset.tags.split("\n");
    const fits =
      words.every((word) => text.includes(word)) &&
      wanted.every((tag) => has.includes(tag.dataset.tag));
    tile.hidden = !fits;
    if (fits) shown += 1;
  }
  nothing.hidden = shown > 0;
  tally.textContent = tally.dataset.tally
    .replace("{shown}", String(shown))
    .replace("{total}", String(tiles.length));
}

if (filters) {
  const search = filters.querySelector("input");
  const tags = [...filters.querySelectorAll("[data-tag]")];
  const tally = filters.querySelector("[data-tally]");
  const again = () => narrow(search, tags, tally);

  search.addEventListener("input", again);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || search.value === "") return;
    tiles.find((tile) => !tile.hidden)?.querySelector("a").click();
  });
  for (const tag of tags) {
    tag.addEventListener("click", () => {
      tag.setAttribute("aria-pressed", String(tag.getAttribute("aria-pressed") !== "true"));
      again();
    });
  }
  filters.hidden = false;
}
