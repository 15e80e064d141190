"use strict";
const COLOURS = ["#5b63e6", "#e0793a", "#2a9d74", "#c8467f", "#8a6fd1", "#b08b1d", "#3a8fc4", "#7a7a86"];
const SEEDS = 2 ** 32;
const $ = id => document.getElementById(id);

// make("button", {class: "main", text: "Pin", click: f}, child ...): text is always text, whatever it holds.
function make(kind, settings = {}, ...children) {
  const node = document.createElement(kind);
  for (const [name, value] of Object.entries(settings)) {
    if (name === "text") node.textContent = value;
    else if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(child => child));
  return node;
}

let hiding;
function tell(line) {
  $("wrong").textContent = line;
  $("wrong").hidden = !line;
  clearTimeout(hiding);
  if (line) hiding = setTimeout(() => tell(""), 6000);
}

async function ask(name, fields) {
  const asked = fields === undefined ? {} :
    {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(fields)};
  let answer;
  try { answer = await fetch("/" + name, asked); } catch { throw new Error("the server has ended: start it again"); }
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// Of what is asked while an answer is waited for, only the last is asked then.
function latest(run) {
  let busy = false, next = null;
  return async function again(...values) {
    if (busy) { next = values; return; }
    busy = true;
    try { await run(...values); tell(""); } catch (error) { tell(error.message); }
    busy = false;
    if (next) { const those = next; next = null; again(...those); }
  };
}

function later(run, wait) {
  let timer;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => run(...values), wait); };
}

function fill(input) {  // the coloured part of a slider
  const share = 100 * (input.value - input.min) / (input.max - input.min);
  input.style.setProperty("--at", share + "%");
  input.style.setProperty("--low", Math.min(50, share) + "%");
  input.style.setProperty("--high", Math.max(50, share) + "%");
}

function slider(low, high, step, value, change, settings = {}) {
  const input = make("input", {type: "range", min: low, max: high, step, ...settings});
  input.value = value;
  const digits = step < 1 ? 2 : 0;
  const shown = make("output", {text: (+value).toFixed(digits)});
  input.show = () => { shown.textContent = (+input.value).toFixed(digits); fill(input); };
  input.addEventListener("input", () => { input.show(); change(+input.value); });
  fill(input);
  return [input, shown];
}

function seedField(value, change, label) {
  const input = make("input", {type: "number", min: 0, max: SEEDS - 1, step: 1, "aria-label": label});
  input.value = value;
  const set = seed => { input.value = ((Math.floor(seed) % SEEDS) + SEEDS) % SEEDS || 0; change(+input.value); };
  input.addEventListener("change", () => set(+input.value));
  const field = make("div", {class: "row"},
    make("button", {text: "‹", title: "the one before", click: () => set(+input.value - 1)}), input,
    make("button", {text: "›", title: "the next one", click: () => set(+input.value + 1)}),
    make("button", {text: "⚂", title: "any", click: () => set(Math.random() * 100000)}));
  field.input = input;
  return field;
}

function chips(choices, value, change, label) {
  if (choices.length > 24) {
    const select = make("select", {"aria-label": label}, ...choices.map(([id, text]) => make("option", {value: JSON.stringify(id), text})));
    select.value = JSON.stringify(value);
    select.addEventListener("change", () => change(JSON.parse(select.value)));
    return select;
  }
  const box = make("div", {class: "chips", role: "group", "aria-label": label});
  for (const [id, text] of choices) {
    const button = make("button", {text, "aria-pressed": String(id === value)});
    button.addEventListener("click", () => {
      box.querySelectorAll("button").forEach(each => each.setAttribute("aria-pressed", String(each === button)));
      change(id);
    });
    box.append(button);
  }
  return box;
}

function field(name, help, ...children) {
  return make("div", {class: "field"}, make("div", {class: "name", title: help, text: name}), ...children);
}

function picture() {
  const image = make("img", {alt: ""}), box = make("div", {class: "big"}, image);
  box.image = image;
  return box;
}

// Says so where an answer takes long, as the first of a kind does.
async function waiting(place, run) {
  const telling = setTimeout(() => { place.textContent = "being compiled: the first picture of a kind takes a while …"; }, 700);
  try { await run(); } finally { clearTimeout(telling); }
}

function took(answer) { return answer.ms === undefined ? "" : answer.ms + " ms"; }

let run, step;

// ---- latents: what a point is, and all that is shown of it

function latents() {
  const space = run.space, controls = make("div"), stage = make("div");
  const point = {seed: 0, label: null, truncation: null, basis: "principal", along: Array(12).fill(0), noise: 0, mix: null};
  if (space.classes.length) point.label = 0;
  let directions = {}, active = 0, pins = [], sliders = [];
  const big = picture(), time = make("div", {class: "took"}), strip = make("div", {class: "strip"});
  const asked = () => {
    const fields = {step, ...point};
    if (!space.noise) delete fields.noise;
    return fields;
  };

  const draw = latest(() => waiting(time, async () => {
    const answer = await ask("point", asked());
    big.image.src = answer.image;
    time.textContent = took(answer);
  }));
  const drawStrip = latest(async () => {
    if (!(directions[point.basis] > active)) { strip.replaceChildren(); return; }
    const answer = await ask("strip", {...asked(), along_index: active, number: 9});
    strip.replaceChildren(...answer.images.map((src, index) => make("button",
      {title: answer.places[index].toFixed(1), click: () => { move(active, answer.places[index]); }}, make("img", {src, alt: ""}))));
    mark();
  });
  const soon = later(drawStrip, 180);
  const drawSheet = latest(async first => {
    const answer = await ask("sheet", {...asked(), seed: first, mix: null, number: 16});
    sheet.first = first;
    sheet.replaceChildren(...answer.images.map((src, index) => make("button", {title: "seed " + answer.seeds[index],
      click: () => { seed.input.value = point.seed = answer.seeds[index]; change(); }}, make("img", {src, alt: "seed " + answer.seeds[index]}))));
  });
  const sheetSoon = later(() => drawSheet(sheet.first), 400);
  function change(all = false) { draw(); soon(); if (all) sheetSoon(); }
  function move(index, value) {
    point.along[index] = value;
    if (sliders[index]) { sliders[index].value = value; sliders[index].show(); }
    change();
  }
  function mark() {
    const value = point.along[active], places = [...strip.children];
    places.forEach((each, index) => each.classList.toggle("now", Math.abs(value - (8 * index / (places.length - 1) - 4)) < 0.5));
  }

  // controls
  const seed = seedField(0, value => { point.seed = value; change(); }, "seed");
  controls.append(make("h2", {text: "Latent"}), field("Seed", "the same seed draws the same latent", seed));
  if (space.classes.length)
    controls.append(field("Class", "the class that is asked for",
      chips(space.classes.map((text, id) => [id, text]), 0, id => { point.label = id; change(true); }, "class")));
  if (space.truncation) {
    const {low, high, help} = space.truncation;
    const start = Math.min(1, high);
    const [input, shown] = slider(low, high, 0.01, start, value => { point.truncation = value; change(true); }, {disabled: true, "aria-label": "truncation"});
    const on = make("input", {type: "checkbox", "aria-label": "truncate", change: () => {
      input.disabled = !on.checked;
      point.truncation = on.checked ? +input.value : null;
      change(true);
    }});
    controls.append(field("Truncation", help, make("div", {class: "slider"}, on, input, shown)));
  }
  if (space.noise)
    controls.append(field("Noise", "what the network draws beside its latent, for each pixel",
      seedField(0, value => { point.noise = value; change(); }, "noise")));
  const moves = make("div", {class: "directions"}, make("p", {class: "note", text: "Directions are being found …"}));
  controls.append(make("h2", {text: "Directions"}), moves);
  function showDirections() {
    const names = Object.keys(directions);
    if (!names.length) { moves.replaceChildren(make("p", {class: "note", text: "No layer of this generator reads its latent itself: there are no directions."})); return; }
    const called = {principal: "principal", closed_form: "closed form"};
    sliders = [];
    const rows = Array.from({length: directions[point.basis]}, (_, index) => {
      const row = make("div", {class: "slider" + (index === active ? " now" : "")});
      const [input, shown] = slider(-space.reach, space.reach, 0.05, point.along[index], value => {
        point.along[index] = value;
        draw();
        if (active === index) mark();
        else { active = index; moves.querySelectorAll(".slider").forEach(each => each.classList.toggle("now", each === row)); }
        soon();
      }, {class: "middle", "aria-label": "direction " + (index + 1)});
      input.addEventListener("dblclick", () => move(index, 0));
      sliders[index] = input;
      row.append(make("span", {text: index + 1}), input, shown);
      return row;
    });
    moves.replaceChildren(
      make("div", {class: "row field"}, chips(["principal", "closed_form"].filter(name => name in directions).map(name => [name, called[name]]),
        point.basis, name => { point.basis = name; point.along.fill(0); active = 0; showDirections(); change(); }, "kind of directions"),
        make("button", {text: "reset", click: () => { point.along.fill(0); showDirections(); change(); }})), ...rows);
  }
  if (space.slots) {
    const mix = {seed: 1, first: Math.floor(space.slots / 2), last: space.slots};
    const on = make("input", {type: "checkbox", id: "mixing", change: () => { point.mix = on.checked ? mix : null; change(); }});
    const ends = ["first", "last"].map(name => {
      const [input, shown] = slider(0, space.slots, 1, mix[name], value => { mix[name] = value; if (on.checked) change(); }, {"aria-label": name + " slot"});
      return make("div", {class: "slider"}, make("span", {text: name === "first" ? "from" : "to"}), input, shown);
    });
    controls.append(make("h2", {text: "Style mixing"}), make("div", {class: "field"}, make("label", {for: "mixing"}, "styles of another seed", on)),
      make("div", {class: "field"}, seedField(1, value => { mix.seed = value; if (on.checked) change(); }, "seed of the other styles")),
      ...ends, make("p", {class: "note", text: "slots from coarse (0) to fine (" + space.slots + ")"}));
  }

  // pins, and the way through them
  const row = make("div", {class: "pins"}), hint = make("span", {class: "note", text: "Pin two points or more, then walk from one to the next."});
  const drawWay = latest(async place => {
    const answer = await ask("way", {step, points: pins.map(pin => pin.fields), place: Math.min(place, pins.length - 1)});
    big.image.src = answer.image;
    time.textContent = "on the way · " + took(answer);
  });
  const [walk, walked] = slider(0, 1, 0.01, 0, value => drawWay(value), {disabled: true, "aria-label": "way"});
  let playing = null;
  const play = make("button", {text: "▶ play", disabled: true, click: () => {
    if (playing) { cancelAnimationFrame(playing); playing = null; play.textContent = "▶ play"; return; }
    play.textContent = "❚❚ pause";
    const began = performance.now() - 1000 * walk.value;
    const turn = now => {
      const whole = 2 * (pins.length - 1), at = ((now - began) / 1000) % whole;
      walk.value = Math.min(at, whole - at);
      walk.show();
      drawWay(+walk.value);
      playing = requestAnimationFrame(turn);
    };
    playing = requestAnimationFrame(turn);
  }});
  function showPins() {
    row.replaceChildren(...pins.map((pin, index) => make("figure", {},
      make("img", {src: pin.src, alt: "pin " + (index + 1), click: () => { walk.value = index; walk.show(); drawWay(index); }}),
      make("button", {text: "×", title: "unpin", click: () => { pins.splice(index, 1); showPins(); }}))), ...(pins.length < 2 ? [hint] : []));
    const few = pins.length < 2;
    walk.max = Math.max(1, pins.length - 1);
    walk.disabled = play.disabled = few;
    if (few && playing) play.click();
    walk.show();
  }
  const pin = make("button", {class: "main", text: "Pin this point", click: () => {
    if (pins.length === 16) { tell("sixteen points are enough for one way: unpin one"); return; }
    const {step: _, ...fields} = structuredClone(asked());
    pins.push({fields, src: big.image.src});
    showPins();
  }});
  const sheet = make("div", {class: "pictures"});
  sheet.first = 0;
  const turnSheet = by => drawSheet((sheet.first + by + SEEDS) % SEEDS);
  stage.append(big, time, strip,
    make("h2", {text: "Ways between points"}), row, make("div", {class: "row"}, pin, play, make("div", {class: "slider wide", style: "flex: 1"}, walk, walked)),
    make("h2", {text: "Seeds"}), sheet, make("div", {class: "row", style: "margin-top: 8px"},
      make("button", {text: "‹ before", click: () => turnSheet(-16)}), make("button", {text: "more ›", click: () => turnSheet(16)})));
  showPins();
  const find = latest(async () => {
    ({directions} = await ask("directions", {step}));
    if (!(point.basis in directions)) point.basis = Object.keys(directions)[0] || "principal";
    showDirections();
    drawStrip();
  });
  return {name: "latents", controls, stage, start: () => { draw(); drawSheet(sheet.first); find(); }};
}
