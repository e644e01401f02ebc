// The buttons of the tour: each sends its request and shows the answer as it comes.

/** Fields that nearly every answer has: they are shown last. */
const COMMON = [
  "content-type", "content-length", "date", "referrer-policy", "x-content-type-options", "content-security-policy",
];

/** Names and values from lines such as `Range: bytes=0-3`. */
function fieldsOf(text) {
  return text.split("\n").filter((line) => line.includes(":")).map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
}

/** The body; the lines of a multipart one end with CRLF, which a text area does not keep. */
function bodyOf(form) {
  const { headers, body } = form.elements;
  return headers.value.includes("multipart/") ? body.value.replaceAll(/\r?\n/g, "\r\n") : body.value;
}

/** Sends what the card's form says, and shows the answer piece by piece. */
async function send(card) {
  const form = card.querySelector("form.request");
  const answer = card.querySelector(".answer");
  const [status, took] = [answer.querySelector(".status"), answer.querySelector(".took")];
  const [fields, body] = [answer.querySelector(".fields"), answer.querySelector(".body")];
  const method = form.elements.method.value;
  answer.hidden = false;
  answer.dataset.state = "waiting";
  status.textContent = "…";
  status.className = "status";
  for (const part of [took, fields, body]) part.textContent = "";

  const begin = performance.now();
  try {
    const mayHaveBody = method !== "GET" && method !== "HEAD";
    const response = await fetch(form.elements.target.value, {
      method,
      headers: fieldsOf(form.elements.headers.value),
      body: mayHaveBody ? bodyOf(form) : undefined,
      cache: "no-store",
    });
    status.textContent = `${response.status} ${response.statusText}`;
    status.classList.add(`class-${Math.floor(response.status / 100)}`);
    const way = response.redirected ? `by a redirect to ${new URL(response.url).pathname} · ` : "";
    const sorted = [...response.headers].sort(([one], [other]) => COMMON.indexOf(one) - COMMON.indexOf(other));
    fields.textContent = sorted.map(([name, value]) => `${name}: ${value}`).join("\n");
    if ((response.headers.get("content-type") ?? "").startsWith("image/")) {
      const picture = new Image();
      picture.src = URL.createObjectURL(await response.blob());
      picture.alt = "The picture in the answer";
      body.append(picture);
    } else if (response.body) {
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        body.append(piece.value);
        body.scrollTop = body.scrollHeight;
      }
    }
    took.textContent = `${way}${Math.round(performance.now() - begin)} ms`;
  } catch (error) {
    status.textContent = "No answer";
    body.textContent = String(error);
  }
  answer.dataset.state = "done";
}

for (const card of document.querySelectorAll(".card")) {
  const form = card.querySelector("form.request");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(card);
  });

  for (const preset of card.querySelectorAll(".preset")) {
    preset.addEventListener("click", () => {
      card.querySelector(".preset.chosen")?.classList.remove("chosen");
      preset.classList.add("chosen");
      const { method, target, headers, body } = preset.dataset;
      form.elements.method.value = method;
      form.elements.target.value = target;
      form.elements.headers.value = headers;
      form.elements.body.value = body;
      form.querySelector("details").open = Boolean(headers || body);
      send(card);
    });
  }
}

// Colours for the code, in the words of its own language.
const TOKENS = new RegExp([
  /(?<comment>\/\/[^\n]*)/, /(?<string>r?"(?:[^"\\]|\\.)*")/, /(?<attribute>#\[\w+)/,
  /(?<keyword>\b(?:async|await|const|crate|derive|else|fn|for|if|impl|let|match|mut|pub|return|self|Self|struct|type|use|while)\b)/,
  /(?<number>\b\d[\d_]*\b)/, /(?<type>\b[A-Z]\w*\b)/, /(?<call>\b[a-z_]\w*(?=\())/,
].map((part) => part.source).join("|"), "g");

/** One line; what does not fit goes on further in than the line begins. */
function lineOf(text) {
  const line = document.createElement("span");
  const indentation = text.search(/\S|$/) + 4;
  line.className = "row";
  line.style.paddingLeft = `${indentation}ch`;
  line.style.textIndent = `-${indentation}ch`;
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = match[0];
    line.append(text.slice(at, match.index), span);
    at = match.index + match[0].length;
  }
  line.append(`${text.slice(at)}\n`);
  return line;
}

for (const code of document.querySelectorAll(".code code")) {
  code.replaceChildren(...code.textContent.split("\n").map(lineOf));
}

// The contents show where the reader is.
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((entry) => entry.isIntersecting)) {
    document.querySelector(".contents [aria-current]")?.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-20% 0px -70% 0px" });
document.querySelectorAll(".section").forEach((section) => watcher.observe(section));
