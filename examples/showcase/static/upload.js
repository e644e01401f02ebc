// Sends a file and shows how far it is.
const form = document.getElementById("upload");
const cancel = document.getElementById("cancel");
const progress = document.getElementById("progress");
const received = document.getElementById("received");
const problem = document.querySelector(".problem");

const megabytes = (bytes) => `${(bytes / (1024 * 1024)).toFixed(1)} MB`;

function show(answer) {
  for (const cell of received.querySelectorAll("[data-of]")) cell.textContent = answer[cell.dataset.of];
  received.hidden = false;
}

function fail(text) {
  problem.textContent = text;
  problem.hidden = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = form.elements.file.files[0];
  const query = new URLSearchParams({ name: file.name, csrf: form.elements.csrf.value });
  const request = new XMLHttpRequest();
  const begin = performance.now();
  for (const part of [received, problem]) part.hidden = true;
  for (const part of [progress, cancel]) part.hidden = false;

  request.upload.addEventListener("progress", ({ loaded, total }) => {
    const seconds = Math.max((performance.now() - begin) / 1000, 0.001);
    progress.querySelector("progress").value = total ? loaded / total : 1;
    progress.querySelector(".sent").textContent =
      `${megabytes(loaded)} of ${megabytes(total)}, ${megabytes(loaded / seconds)} a second`;
  });
  request.addEventListener("load", () => {
    if (request.status === 200) show(JSON.parse(request.responseText));
    else fail(`The server refused the file: ${request.status} ${request.statusText}`);
  });
  request.addEventListener("error", () => fail("The connection broke."));
  request.addEventListener("abort", () => fail("Cancelled."));
  request.addEventListener("loadend", () => { cancel.hidden = true; });
  cancel.onclick = () => request.abort();

  request.open("PUT", `/upload?${query}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
});
