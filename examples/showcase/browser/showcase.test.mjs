// Clicks through the showcase in a browser, as a visitor would:
//
//   cargo build && cd examples/showcase/browser && npm ci && node --test
//
//   SHOWCASE     the program; target/debug/showcase by default
//   CHROMIUM     the browser; /usr/bin/chromium by default
//   SCREENSHOTS  a directory: pictures of all pages are put there

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PROGRAM = process.env.SHOWCASE ?? here("../../../target/debug/showcase");
const PICTURE = here("../pictures/picnic.png");

let program, browser, context, page, url, directory;
const complaints = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "showcase-test-"));
  let address;
  ({ program, address } = await start(["--data", directory]));
  url = `http://${address}`;
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
  context = await browser.newContext({ baseURL: url });
  context.setDefaultTimeout(30_000);
  page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
});

after(async () => {
  await browser?.close();
  await stop(program);
  if (directory) await rm(directory, { recursive: true, force: true });
});

/**
 * Starts the showcase on a port that the system chooses; it is ready when its log says that it serves both of its apps,
 * the first after the second.
 */
async function start(options) {
  const child = spawn(PROGRAM, ["--port", "0", ...options], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.on("error", (error) => { said += error; });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { said += text; });
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.pid === undefined || child.exitCode !== null) break;
    const served = [...said.matchAll(/ serving address=(\S+) .*\n/g)];
    if (served.length === 2) return { program: child, address: served[1][1] };
    await sleep(100);
  }
  throw new Error(`the showcase did not start: ${said}`);
}

async function stop(child) {
  if (!child?.pid || child.exitCode !== null) return;
  const end = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await end;
  clearTimeout(timer);
}

async function signIn(name, password = "spring", where = page) {
  await where.goto(`${url}/sign-in`);
  await where.getByLabel("Name").fill(name);
  await where.getByLabel("Password").fill(password);
  await where.getByRole("button", { name: "Sign in" }).click();
}

const text = (selector) => page.locator(selector).innerText();

test("the index page shows all parts of the tour, and the latest notices", async () => {
  await page.goto("/");
  assert.match(await page.title(), /vernal/);
  assert.equal(await page.locator(".contents a").count(), 10);
  assert.equal(await page.locator(".latest li").count(), 3);
  assert.ok((await page.locator(".card").count()) > 35);
  assert.match(await text("#exact .code"), /#\[route\("\/tour\/leaf"\)\]/);
});

test("every card answers as expected", async (t) => {
  await page.goto("/");
  for (const card of await page.locator(".card").all()) {
    const id = await card.getAttribute("id");
    await t.test(id, async () => {
      for (const preset of await card.locator(".preset").all()) {
        const { method, target, status, says } = await preset.evaluate((button) => ({ ...button.dataset }));
        await preset.click();
        await card.locator('.answer[data-state="done"]').waitFor();
        const what = `${method} ${target}`;
        const shown = await card.locator(".status").textContent();
        const redirected = status.startsWith("3") && status !== "304";
        assert.ok(shown.startsWith(redirected ? "200" : status), `${what}: ${shown} instead of ${status}`);
        if (redirected) assert.match(await card.locator(".took").textContent(), /by a redirect/, what);
        const answer = await card.locator(".answer").evaluate((all) => all.textContent);
        assert.ok(answer.includes(says), `${what}: no ${JSON.stringify(says)} in ${answer}`);
      }
    });
  }
});

test("a request may be changed before it is sent", async () => {
  await page.goto("/");
  const card = page.locator("#variables");
  await card.getByLabel("Target").fill("/tour/say/servus/to/Franz");
  await card.getByRole("button", { name: "Try", exact: true }).click();
  await card.locator(".body", { hasText: "servus, Franz!" }).waitFor();
});

test("the session counts, and begins again after its end", async () => {
  await page.goto("/");
  const count = async () => {
    await page.locator("#counter .preset").first().click();
    await page.locator('#counter .answer[data-state="done"]').waitFor();
    return Number((await page.locator("#counter .body").textContent()).match(/\d+/)[0]);
  };
  const first = await count();
  assert.equal(await count(), first + 1);
  await page.locator("#renew .preset", { hasText: "renew" }).click();
  await page.locator('#renew .answer[data-state="done"]').waitFor();
  assert.equal(await count(), first + 2);
  await page.locator("#renew .preset", { hasText: "end" }).click();
  await page.locator('#renew .answer[data-state="done"]').waitFor();
  assert.equal(await count(), 1);
});

test("signing in wants the right password, and gives the session another identifier", async () => {
  await signIn("Ann", "winter");
  assert.match(await text(".problem"), /password/);
  const session = async () => (await context.cookies()).find((cookie) => cookie.name === "SHOWCASE");
  const before = await session();
  await signIn("Ann");
  await page.waitForURL("**/board");
  assert.equal(await page.locator(".name").innerText().then((name) => name.includes("Ann")), true);
  const afterwards = await session();
  assert.notEqual(afterwards.value, before.value);
  assert.equal(afterwards.httpOnly, true);
});

test("a notice with a picture is posted, and other pages hear of it", async () => {
  const other = await context.newPage();
  const connected = other.waitForResponse("**/board/live");
  await other.goto("/board");
  await connected;

  await page.getByRole("link", { name: "Post a notice" }).click();
  await page.getByLabel("Title").fill("Lantern walk <script>alert(1)</script>");
  await page.getByLabel("Text").fill("Wednesday at dusk.\nBring a lantern & a friend.");
  await page.getByLabel("Topic").selectOption("events");
  await page.getByLabel("Picture").setInputFiles(PICTURE);
  await page.getByRole("button", { name: "Post" }).click();
  await page.waitForURL(/\/board\/\d+$/);
  assert.equal(await text("h1"), "Lantern walk <script>alert(1)</script>");
  const width = await page.locator(".full img").evaluate(async (img) => (await img.decode(), img.naturalWidth));
  assert.equal(width, 640);

  await other.locator("#news", { hasText: "A new notice, by Ann: Lantern walk" }).waitFor();
  await other.close();
});

test("what is no picture is refused", async () => {
  await page.goto("/board/new");
  await page.getByLabel("Title").fill("No picture");
  await page.getByLabel("Text").fill("This is one of its own kind.");
  await page.getByLabel("Picture").setInputFiles({ name: "p.png", mimeType: "image/png", buffer: Buffer.from("<svg/>") });
  await page.getByRole("button", { name: "Post" }).click();
  assert.equal(await text(".error .code"), "400");
});

test("a search finds it, by words and by topic", async () => {
  await page.goto("/board");
  await page.getByLabel("Search the notices").fill("lantern dusk");
  await page.getByRole("button", { name: "Search" }).click();
  await page.waitForURL(/q=lantern/);
  assert.equal(await page.locator(".notice").count(), 1);
  assert.match(await text(".count"), /1 notice found/);
  await page.goto("/board?topic=events");
  assert.equal(await page.locator(".notice").count(), 2);
  await page.goto("/board?q=nothing+of+the+kind");
  assert.match(await text(".empty"), /Nothing here/);
});

test("it is edited, its picture downloaded, the notices exported", async () => {
  await page.goto("/board?q=lantern");
  await page.locator(".notice a").first().click();
  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Title").fill("Lantern walk");
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/\/board\/\d+$/);
  assert.equal(await text("h1"), "Lantern walk");
  assert.match(await text(".by"), /edited/);

  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download the picture" }).click();
  assert.equal((await downloading).suggestedFilename(), "Lantern walk.png");

  const csv = await (await context.request.get("/board/export.csv")).text();
  assert.match(csv, /"Lantern walk","events","Ann"/);
  const json = await (await context.request.get("/board/export.json")).json();
  assert.equal(json[0].title, "Lantern walk");
});

test("another visitor may not change it", async () => {
  const elsewhere = await browser.newContext({ baseURL: url });
  const stranger = await elsewhere.newPage();
  const path = new URL(page.url()).pathname;
  await stranger.goto(`${path}/edit`);
  assert.match(stranger.url(), /\/sign-in\?next=\/board\/\d+\/edit$/);
  await stranger.getByLabel("Name").fill("Ben");
  await stranger.getByLabel("Password").fill("spring");
  await stranger.getByRole("button", { name: "Sign in" }).click();
  assert.equal(await stranger.locator(".error .code").innerText(), "403");
  assert.match(await stranger.locator(".error").innerText(), /Only Ann can change this notice/);
  await stranger.goto(path);
  assert.equal(await stranger.getByRole("button", { name: "Take down" }).count(), 0);
  await elsewhere.close();
});

test("two windows talk to each other", async () => {
  const elsewhere = await browser.newContext({ baseURL: url });
  const other = await elsewhere.newPage();
  await page.goto("/chat");
  await page.locator('.chat[data-state="open"]').waitFor();
  await other.goto("/chat/garden");
  await other.locator('.chat[data-state="open"]').waitFor();
  await page.locator("#members", { hasText: "In this room: 2." }).waitFor();

  await page.getByLabel("Message").fill("Who has <b>seeds</b>? 🌱");
  await page.getByRole("button", { name: "Send" }).click();
  await other.locator("#messages .said", { hasText: "Ann Who has <b>seeds</b>? 🌱" }).waitFor();
  await other.getByLabel("Message").fill("I do.");
  await other.getByLabel("Message").press("Enter");
  await page.locator("#messages .said", { hasText: /Guest \d+ I do\./ }).waitFor();

  await other.goto("/chat/kitchen");
  await page.locator("#messages .moved", { hasText: /Guest \d+ left/ }).waitFor();
  await page.locator("#members", { hasText: "In this room: 1." }).waitFor();
  await elsewhere.close();
});

test("over HTTPS a browser speaks HTTP/2, and the chat goes on", async () => {
  const { program: secure, address } = await start(["--tls", "--data", directory]);
  const elsewhere = await browser.newContext({ baseURL: `https://${address}`, ignoreHTTPSErrors: true });
  try {
    const visit = await elsewhere.newPage();
    await visit.goto("/board");
    const how = () => fetch("/tour/connection").then((answer) => answer.json());
    assert.deepEqual(await visit.evaluate(how), { version: "HTTP/2.0", scheme: "https", tls: "TLSv1.3" });
    const [session] = await elsewhere.cookies();
    assert.equal(session.secure, true);
    await visit.goto("/chat/workshop");
    await visit.locator('.chat[data-state="open"]').waitFor();
    await visit.getByLabel("Message").fill("Nobody else hears this.");
    await visit.getByRole("button", { name: "Send" }).click();
    await visit.locator("#messages .said", { hasText: "Nobody else hears this." }).waitFor();
  } finally {
    await elsewhere.close();
    await stop(secure);
  }
});

test("an upload shows how far it is, and what has arrived", async () => {
  await page.goto("/upload");
  const file = { name: "snow & ice.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(12 << 20, "*") };
  await page.getByLabel("File").setInputFiles(file);
  const shares = page.locator("progress").evaluate((bar) => new Promise((resolve) => {
    const seen = [];
    new MutationObserver(() => {
      seen.push(bar.value);
      if (bar.value === 1) resolve(seen);
    }).observe(bar, { attributes: true });
  }));
  await page.getByRole("button", { name: "Upload" }).click();
  assert.ok((await shares).every((share, at, all) => at === 0 || share >= all[at - 1]));
  await page.locator("#received").waitFor();
  assert.equal(await text('[data-of="name"]'), "snow & ice.bin");
  assert.equal(await text('[data-of="bytes"]'), String(12 << 20));
  assert.match(await text(".sent"), /12\.0 MB of 12\.0 MB/);
  assert.equal(await page.locator(".problem").isVisible(), false);
});

test("an upload that is too large is refused", async () => {
  const answer = await page.evaluate(async () => {
    const csrf = document.querySelector('[name="csrf"]').value;
    const body = new Blob(Array(257).fill(new Uint8Array(1 << 20)));
    return fetch(`/upload?csrf=${csrf}`, { method: "PUT", body }).then(({ status }) => status, String);
  });
  assert.equal(answer, 413);
});

test("errors have pages of their own", async () => {
  for (const [path, code, made] of [
    ["/no/such/page", 404, "not_there"], ["/board/4711", 404, "not_there"], ["/tour/fail/403", 403, "not_there"],
    ["/tour/fail/503", 503, "broken"], ["/tour/panic", 500, "broken"], ["/tour/fail/429", 429, "other"],
    ["/board/lantern", 400, "other"],
  ]) {
    const answer = await page.goto(path);
    assert.equal(answer.status(), code, path);
    assert.equal(await text(".error .code"), String(code));
    assert.equal(await text(".error .hint code >> nth=0"), made);
  }
});

test("all pages can be looked at", { skip: !process.env.SCREENSHOTS }, async () => {
  await mkdir(process.env.SCREENSHOTS, { recursive: true });
  const pages = {
    index: "/", board: "/board", notice: "/board/3", form: "/board/new", "sign-in": "/sign-in", missing: "/no/such",
    empty: "/board?q=xyz", upload: "/upload", chat: "/chat/garden",
  };
  const state = await context.storageState();
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const viewport = { width, height: width === 390 ? 844 : 900 };
      const looking = await browser.newContext({ baseURL: url, colorScheme, viewport, storageState: state });
      const look = await looking.newPage();
      for (const [name, path] of Object.entries(pages)) {
        await look.goto(path, { waitUntil: "load" });
        if (name === "index") {
          for (const id of ["exact", "headers", "multipart", "results"]) {
            await look.locator(`#${id} .preset`).last().click();
            await look.locator(`#${id} .answer[data-state="done"]`).waitFor();
          }
          await look.evaluate(() => scrollTo(0, 0));
        }
        const wide = await look.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${name} is ${wide} wide at ${width}`);
        const path_ = join(process.env.SCREENSHOTS, `${name}-${colorScheme}-${width}.png`);
        await look.screenshot({ path: path_, fullPage: name !== "index" });
        if (name === "index") {
          for (const id of ["exact", "headers", "multipart", "results", "sse"]) {
            await look.locator(`#${id}`).scrollIntoViewIfNeeded();
            await look.locator(`#${id}`).screenshot({
              path: join(process.env.SCREENSHOTS, `card-${id}-${colorScheme}-${width}.png`),
            });
          }
        }
      }
      await looking.close();
    }
  }
});

test("it is taken down, and the visitor signs out", async () => {
  await page.goto("/board?q=lantern");
  await page.locator(".notice a").first().click();
  await page.getByRole("button", { name: "Take down" }).click();
  await page.waitForURL("**/board");
  assert.equal(await page.getByText("Lantern walk").count(), 0);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).waitFor();
});

test("no page complained", () => assert.deepEqual(complaints, []));
