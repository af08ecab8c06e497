"use strict";

// Both streams say on the page when they open and when they are cut.
const say = (id, text) => { document.getElementById(id).textContent = text; };

const events = new EventSource("/events");
events.onopen = () => say("events-state", "open");
events.onerror = () => say("events-state", "closed");
events.onmessage = (event) => say("events-last", `number ${JSON.parse(event.data).n}`);

const socket = new WebSocket("/ws");
let sent = 0;
socket.onopen = () => {
  say("ws-state", "open");
  setInterval(() => { if (socket.readyState === WebSocket.OPEN) socket.send(String(++sent)); }, 1000);
};
socket.onclose = () => say("ws-state", "closed");
socket.onmessage = (event) => say("ws-last", `number ${event.data}`);
