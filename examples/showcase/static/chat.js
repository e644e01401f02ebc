// Talks with the other windows of the same room; comes back when the connection breaks.
const chat = document.querySelector(".chat");
const form = document.getElementById("say");
const messages = document.getElementById("messages");
const state = document.getElementById("state");
const members = document.getElementById("members");

const address = new URL(`/chat/${encodeURIComponent(chat.dataset.room)}/live`, location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";

let socket;
let attempts = 0;

function show({ who, text, kind }) {
  const line = document.createElement("li");
  line.className = kind;
  if (kind === "said") {
    const name = document.createElement("b");
    name.textContent = who;
    line.append(name, " ");
  }
  line.append(kind === "said" ? text : `${who} ${text}`);
  messages.append(line);
  messages.scrollTop = messages.scrollHeight;
}

function enter(name, text) {
  chat.dataset.state = name;
  state.textContent = text;
  form.querySelector("button").disabled = name !== "open";
}

function connect() {
  socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    attempts = 0;
    enter("open", "Connected.");
  });
  socket.addEventListener("message", (event) => {
    const news = JSON.parse(event.data);
    show(news);
    if (news.members !== undefined) members.textContent = `In this room: ${news.members}.`;
  });
  socket.addEventListener("close", ({ code }) => {
    members.textContent = "";
    enter("closed", `Disconnected (${code}).`);
    attempts += 1;
    setTimeout(connect, Math.min(500 * 2 ** attempts, 10_000));
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { text } = form.elements;
  socket.send(text.value);
  text.value = "";
  text.focus();
});

connect();
