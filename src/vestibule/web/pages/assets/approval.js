// Asks whether the request was decided, and moves on when it was.
const status = document.querySelector("[data-poll]");
const FIRST = 2000;
const LONGEST = 15000;

async function ask() {
  const answer = await fetch(status.dataset.poll, {
    headers: { Accept: "application/json" },
    cache: "no-store",
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).state;
}

function say(text) {
  // Setting the same text again would make a screen reader repeat it.
  if (status.textContent !== text) status.textContent = text;
}

async function watch(delay) {
  try {
    const state = await ask();
    if (state === "approved") {
      say(status.dataset.approved);
      if (status.dataset.onward) location.replace(status.dataset.onward);
      else location.reload();
      return;
    }
    if (state !== "pending") {
      location.reload();
      return;
    }
    say(waiting);
  } catch {
    say(status.dataset.silent);
  }
  setTimeout(watch, delay, Math.min(delay * 1.2, LONGEST));
}

const waiting = status?.textContent;
if (status?.dataset.poll) setTimeout(watch, FIRST, FIRST);
