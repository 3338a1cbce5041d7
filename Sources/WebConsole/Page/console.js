// The console's page. Whatever comes from robots is put into the page as text, never as markup; pictures are drawn.
"use strict";

const element = (id) => document.getElementById(id);
const cards = new Map();
const decoder = new TextDecoder();
let greeting = null;
let socket = null;
let patience = 250;

function make(parent, tag, kind) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  parent.append(made);
  return made;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A token in the address's fragment never leaves the browser; it is taken off the address at once.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("operator")) {
  element("token").value = fragment.get("operator");
  history.replaceState(null, "", location.pathname);
}

function ask(request) {
  if (!socket || socket.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(request));
  return true;
}

function token() {
  return element("token").value.trim();
}

element("stop-everybody").addEventListener("click", () => {
  say(element("said"), ask({ kind: "stop_everybody" }) ? "Stopping everybody…" : "NOT SENT: no connection");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") element("stop-everybody").click();
});
element("admit").addEventListener("click", () => ask({ kind: "admit_newcomers", token: token() }));

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    patience = 250;
    show(true);
  };
  socket.onclose = () => {
    show(false);
    setTimeout(connect, patience);
    patience = Math.min(5000, patience * 2);
  };
  socket.onmessage = (event) => {
    if (typeof event.data === "string") hear(JSON.parse(event.data));
    else update(event.data);
  };
}

function show(isConnected) {
  element("lost").hidden = isConnected;
  element("link").className = isConnected ? "good" : "bad";
  say(element("link"), isConnected ? "connected" : "not connected");
}

function hear(message) {
  if (message.type === "greeting") {
    greeting = message;
    say(element("policy"), `${message.policy} · ${message.version}`);
    say(element("operator-note"), message.hasOperator
      ? "The line in the file of serve --operator. It resumes; everybody may stop."
      : "This daemon has no operator (serve --operator): only a robot's own program resumes it.");
  } else if (message.type === "answer") {
    const what = message.kind.replaceAll("_", " ") + (message.session ? ` ${message.session}` : "");
    say(element("said"), message.error ? `${what}: ${message.error}` : `${what}: done`);
  }
}

async function update(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const news = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length)));
  const pictures = new Uint8Array(buffer, 4 + length);
  element("newcomers").hidden = !news.stopsNewcomers;
  element("admit").hidden = !(news.stopsNewcomers && greeting?.hasOperator);
  say(element("others"), news.others > 0 ? `${news.others} more sessions are known and not shown; stopping everybody stops them too.` : "");
  const names = new Set(news.sessions.map((session) => session.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.node.remove();
    cards.delete(name);
  }
  for (const session of news.sessions) {
    let card = cards.get(session.name);
    if (!card) cards.set(session.name, (card = new Card(session.name)));
    try {
      await card.update(session, pictures);
    } catch (error) {
      say(card.error, `this session cannot be shown: ${error}`);
    }
  }
  document.body.dataset.update = news.update;
  ask({ kind: "drawn", update: news.update });
}

// One session.
class Card {
  constructor(name) {
    this.name = name;
    this.node = make(element("sessions"), "article");
    this.node.dataset.session = name;
    const head = make(this.node, "div", "head");
    say(make(head, "h2"), name);
    this.state = make(head, "span", "state");
    this.instruction = make(this.node, "p");
    const buttons = make(this.node, "div", "buttons");
    this.stop = make(buttons, "button", "stop");
    this.stop.type = "button";
    say(this.stop, "STOP");
    this.stop.addEventListener("click", () => {
      say(element("said"), ask({ kind: "stop", session: name }) ? `Stopping ${name}…` : "NOT SENT: no connection");
    });
    this.resume = make(buttons, "button", "resume");
    this.resume.type = "button";
    say(this.resume, "Resume");
    this.resume.addEventListener("click", () => ask({ kind: "resume", session: name, token: token() }));
    this.pictures = make(this.node, "div", "pictures");
    this.views = new Map();
    this.plot = make(this.node, "canvas", "plot");
    this.plot.width = 420;
    this.stages = make(this.node, "p", "soft");
    this.limits = make(this.node, "p", "limits");
    this.numbers = make(this.node, "p", "soft");
    this.point = make(this.node, "p", "soft");
    this.error = make(this.node, "p", "error");
  }

  async update(session, bytes) {
    this.node.className = session.state;
    this.node.dataset.state = session.state;
    say(this.state, session.state + (session.reason ? `: ${session.reason}` : "") + (session.state === "flying" ? "" : ` · ${time(session.age)} ago`));
    this.state.className = `state ${session.state === "stopped" ? "bad" : session.state === "flying" ? "good" : "soft"}`;
    say(this.instruction, session.instruction || "no instruction yet");
    this.resume.disabled = session.state !== "stopped" || !greeting?.hasOperator;
    for (const picture of session.pictures) await this.view(picture.camera).take(picture, bytes);
    for (const [camera, view] of this.views) view.draw(session, camera);
    const stages = greeting ? session.stages.map((ms, place) => `${greeting.stages[place]} ${ms}`) : [];
    say(this.stages, stages.length ? `ms: ${stages.join(" · ")} · in all ${session.answer}${session.rate ? ` · ${session.rate.toFixed(1)} answers a second` : ""}` : "");
    const hit = greeting ? session.limits.map((count, place) => (count ? `${greeting.limits[place]} ${count}` : "")).filter(Boolean) : [];
    say(this.limits, hit.length ? `limits hit: ${hit.join(" · ")}` : "");
    say(this.numbers, session.measured.length
      ? `observation ${session.sequence}, picture ${time(session.pictureAge ?? 0)} old · measured ${session.measured.map(short).join(" ")}${session.confidence === undefined ? "" : ` · confidence ${short(session.confidence)}`}`
      : "");
    say(this.point, session.point ? `${session.point.question} → column ${short(session.point.column)}, row ${short(session.point.row)} of ${session.point.camera}` : "");
    say(this.error, session.error && session.error.age < 10000 ? `${session.error.text} (${time(session.error.age)} ago)` : "");
    this.drawCommands(session.commands);
  }

  view(camera) {
    let view = this.views.get(camera);
    if (!view) this.views.set(camera, (view = new View(this.pictures, camera)));
    return view;
  }

  // Each number of the chunk in its range; what a limit has changed is marked.
  drawCommands(commands) {
    const rows = commands.length ? commands[0].values.length : 0;
    const height = Math.min(rows, 24) * 16;
    if (this.plot.height !== height) this.plot.height = height;
    const context = this.plot.getContext("2d");
    const style = getComputedStyle(document.body);
    context.clearRect(0, 0, this.plot.width, height);
    context.font = "11px system-ui";
    for (let row = 0; row < Math.min(rows, 24); row++) {
      const quantity = greeting?.actions[row] ?? { name: String(row), minimum: -1, maximum: 1, unit: "" };
      context.fillStyle = style.color;
      context.fillText(quantity.name.slice(0, 18), 0, row * 16 + 12);
      const width = (this.plot.width - 200) / commands.length;
      commands.forEach((command, place) => {
        const range = quantity.maximum - quantity.minimum || 1;
        const part = Math.min(1, Math.max(0, (command.values[row] - quantity.minimum) / range));
        context.fillStyle = command.limited.length ? "#d98e04" : "#2f7de1";
        context.fillRect(120 + place * width, row * 16 + 14 - part * 12, Math.max(1, width - 1), 2);
      });
      context.fillStyle = style.color;
      context.fillText(`${short(commands[0].values[row])} ${quantity.unit}`.slice(0, 14), this.plot.width - 76, row * 16 + 12);
    }
  }
}

// One camera of one session: a canvas that keeps its picture, so that what is drawn in can change without a new one.
class View {
  constructor(parent, camera) {
    const figure = make(parent, "figure");
    this.canvas = make(figure, "canvas");
    this.canvas.dataset.camera = camera;
    say(make(figure, "figcaption"), camera);
    this.picture = document.createElement("canvas");
    this.hasPicture = false;
  }

  async take(picture, bytes) {
    const data = bytes.subarray(picture.offset, picture.offset + picture.count);
    if (picture.encoding === "rgb8") {
      const { width, height } = picture;
      if (width < 1 || height < 1 || data.length !== width * height * 3) return;
      this.size(width, height);
      const context = this.picture.getContext("2d");
      if (!this.pixels || this.pixels.width !== width || this.pixels.height !== height) this.pixels = context.createImageData(width, height);
      const target = this.pixels.data;
      for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
        target[to] = data[from];
        target[to + 1] = data[from + 1];
        target[to + 2] = data[from + 2];
        target[to + 3] = 255;
      }
      context.putImageData(this.pixels, 0, 0);
    } else {
      const bitmap = await createImageBitmap(new Blob([data], { type: picture.encoding === "png" ? "image/png" : "image/jpeg" }));
      this.size(bitmap.width, bitmap.height);
      this.picture.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
    }
    this.hasPicture = true;
  }

  size(width, height) {
    if (this.picture.width !== width || this.picture.height !== height) [this.picture.width, this.picture.height] = [width, height];
    const scale = Math.max(1, Math.ceil(320 / width));
    const [wide, high] = [width * scale, height * scale];
    if (this.canvas.width !== wide || this.canvas.height !== high) [this.canvas.width, this.canvas.height] = [wide, high];
  }

  draw(session, camera) {
    if (!this.hasPicture) return;
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    context.drawImage(this.picture, 0, 0, width, height);
    context.lineWidth = 3;
    for (const line of session.lines) {
      if (line.camera !== camera || line.points.length === 0) continue;
      context.strokeStyle = "#ffcc00";
      context.beginPath();
      line.points.forEach(([x, y], place) => (place ? context.lineTo(x * width, y * height) : context.moveTo(x * width, y * height)));
      context.stroke();
      const [x, y] = line.points[line.points.length - 1];
      context.fillStyle = "#ffcc00";
      context.fillRect(x * width - 4, y * height - 4, 8, 8);
    }
    if (session.point && session.point.camera === camera) {
      const [x, y] = [session.point.column * width, session.point.row * height];
      context.strokeStyle = "#ff2bd6";
      context.beginPath();
      context.arc(x, y, 9, 0, 2 * Math.PI);
      context.moveTo(x - 14, y);
      context.lineTo(x + 14, y);
      context.moveTo(x, y - 14);
      context.lineTo(x, y + 14);
      context.stroke();
    }
    if (session.state === "stopped") {
      context.strokeStyle = "#e53935";
      context.lineWidth = 8;
      context.strokeRect(0, 0, width, height);
    }
  }
}

function short(value) {
  return typeof value === "number" ? value.toPrecision(3) : String(value);
}

function time(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : ms < 120000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60000)} min`;
}

connect();
