// ---- the other abilities: what is typed or chosen, or dropped, and what comes of it

function ability(declared) {
  // `dropped` is small once it was answered, as the images of one domain are; of another it is made anew from `original`.
  const controls = make("div"), stage = make("div"), fields = {}, original = {}, dropped = {};
  const images = declared.pictures.length > 0;
  let seed = 0, version = 0;
  const out = make("div"), time = make("div", {class: "took"}), note = make("p", {class: "note"});
  const draw = latest(async () => {
    if (declared.pictures.some(each => !dropped[each.name])) return;
    if (declared.controls.some(each => each.required && (each.kind === "text" || each.kind === "graph") && !fields[each.name])) return;
    const number = declared.attends ? 4 : 16;
    const asked = version;
    let answer;
    await waiting(time, async () => { answer = await ask("ability", {step, name: declared.name, seed, ...fields, ...dropped, ...(images ? {} : {number})}); });
    time.textContent = took(answer);
    note.textContent = answer.note ?? "";
    if (answer.score !== undefined) out.replaceChildren(make("div", {class: "score", text: answer.score}));
    else if (answer.shares) out.replaceChildren(...answer.shares.map(([name, share]) => make("div", {class: "share"},
      make("span", {text: name}), make("i", {style: `--at: ${100 * share}%`}), make("span", {text: (100 * share).toFixed(1) + " %"}))));
    else if (images) {
      if (asked === version) for (const each of declared.pictures) dropped[each.name] = answer.before[each.name].split(",")[1];
      compare(answer.before[declared.pictures[0].name], answer.images[0]);
    } else out.replaceChildren(make("div", {class: "pictures large"}, ...answer.images.map((src, index) =>
      make("figure", {}, make("button", {title: "seed " + answer.seeds[index], click: event => looked(event)}, make("img", {src, alt: "seed " + answer.seeds[index]})),
        make("figcaption", {text: answer.seeds[index]})))));
  });
  // Where a pixel looks: the one that is clicked.
  function looked(event) {
    if (!declared.attends) return;
    const box = event.currentTarget.getBoundingClientRect();
    for (const [name, share] of [["row", (event.clientY - box.top) / box.height], ["column", (event.clientX - box.left) / box.width]]) {
      fields[name] = Math.min(0.999, Math.max(0, share));
      const input = sliders[name];
      if (input) { input.value = fields[name]; input.show(); }
    }
    draw();
  }
  let wipe = null;
  function compare(before, after) {
    if (!wipe) {
      const [cut] = slider(0, 100, 1, 50, value => box.style.setProperty("--cut", value + "%"), {"aria-label": "before and after"});
      const box = make("div", {class: "wipe", style: "--cut: 50%"}, make("img", {alt: "after"}),
        make("div", {class: "top"}, make("img", {alt: "before"})), make("b", {text: "before", style: "left: 8px"}), make("b", {text: "after", style: "right: 8px"}), cut);
      wipe = box;
    }
    const [last, first] = wipe.querySelectorAll("img");
    last.src = after;
    first.src = before;
    out.replaceChildren(wipe);
  }
  const sliders = {};
  controls.append(make("h2", {text: declared.name}), make("p", {class: "note", text: declared.help}));
  for (const each of declared.pictures) controls.append(dropZone(each, file => { original[each.name] = dropped[each.name] = file; version += 1; draw(); }));
  for (const each of declared.controls) {
    const set = value => {
      if (value === null || value === "") delete fields[each.name]; else fields[each.name] = value;
      if (each.kind === "domain") { Object.assign(dropped, original); version += 1; }
      draw();
    };
    if (each.choices) {
      const own = each.choices.length === 1 || each.required ? each.choices : [[null, each.kind === "label" ? "in turn" : "usual"], ...each.choices];
      if (each.required) fields[each.name] = own[0][0];
      controls.append(field(each.name, each.help, chips(own, own[0][0], set, each.name)));
    } else if (each.kind === "strength") {
      const start = each.low < 0 ? 0 : Math.min(1, (each.low + each.high) / 2);
      const [input, shown] = slider(each.low, each.high, 0.01, start, set, {disabled: !each.required, "aria-label": each.name});
      if (each.required) fields[each.name] = start;
      const on = make("input", {type: "checkbox", "aria-label": each.name + " is given", change: () => { input.disabled = !on.checked; set(on.checked ? +input.value : null); }});
      on.checked = each.required;
      if (declared.attends) input.disabled = false;
      sliders[each.name] = input;
      controls.append(field(each.name, each.help, make("div", {class: "slider"}, declared.attends ? make("span") : on, input, shown)));
    } else {
      const input = make("input", {type: "text", maxlength: 1000, placeholder: each.help, "aria-label": each.name});
      input.addEventListener("input", later(() => set(input.value.trim()), 500));
      controls.append(field(each.name, each.help, input));
    }
  }
  if (declared.seed) controls.append(field(images ? "noise" : "seed", "the same seed draws the same", seedField(0, value => { seed = value; draw(); }, "seed")));
  const notes = declared.attends ? "Click on a picture: it shows where that pixel looks." : images ? "Drop a picture at the left, or choose one." : "";
  if (images) out.append(make("p", {class: "note", style: "text-align: center; padding: 60px 0", text: notes}));
  else if (notes) stage.append(make("p", {class: "note", text: notes}));
  stage.append(out, time, note);
  if (images) for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    stage.addEventListener(kind, event => { event.preventDefault(); if (kind === "drop") take(event, controls.querySelector(".drop")); });
  return {name: declared.name, controls, stage, start: draw};
}

function take(event, zone) {
  const file = event.dataTransfer && event.dataTransfer.files[0];
  if (file) zone.read(file);
}

function dropZone(each, given) {
  const words = make("span", {text: `drop a picture, or choose one (${each.name})`});
  const image = make("img", {alt: "", hidden: true});
  const input = make("input", {type: "file", accept: "image/*", "aria-label": each.help, change: () => { if (input.files[0]) zone.read(input.files[0]); }});
  const zone = make("label", {class: "drop", title: each.help}, image, words, input);
  zone.read = file => {
    if (file.size > 16 * 2 ** 20) { tell("this picture has more than 16 MiB"); return; }
    const reader = new FileReader();
    reader.onload = () => {
      image.src = reader.result;
      image.hidden = false;
      words.textContent = file.name;
      given(reader.result.split(",")[1] || "");
    };
    reader.readAsDataURL(file);
  };
  zone.addEventListener("dragover", event => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", event => { event.preventDefault(); event.stopPropagation(); zone.classList.remove("over"); take(event, zone); });
  return zone;
}

// ---- over time: the pictures that the run kept of the same noise

function overTime() {
  const controls = make("div"), stage = make("div", {class: "time"}), big = picture(), time = make("div", {class: "took"});
  const show = index => { big.image.src = "/frame?step=" + run.frames[index]; time.textContent = "step " + run.frames[index]; };
  const last = run.frames.length - 1;
  const [input] = slider(0, last, 1, last, show, {"aria-label": "when"});
  let playing = null;
  const play = make("button", {class: "main", text: "▶ play", click: () => {
    if (playing) { clearInterval(playing); playing = null; play.textContent = "▶ play"; return; }
    play.textContent = "❚❚ pause";
    playing = setInterval(() => { input.value = +input.value === last ? 0 : +input.value + 1; input.show(); show(+input.value); }, 300);
  }});
  controls.append(make("h2", {text: "Over time"}), make("p", {class: "note", text: "What the same noise, or the same inputs, became while the game trained."}),
    make("div", {class: "field"}, make("div", {class: "slider alone"}, input)), play);
  stage.append(big, time);
  return {name: "over time", controls, stage, start: () => show(+input.value)};
}

// ---- curves and numbers

function chart(title, curves) {
  const width = 300, height = 110, names = Object.keys(curves), points = Object.values(curves).flat();
  const number = value => Math.abs(value) >= 1e4 || (value && Math.abs(value) < 1e-3) ? value.toExponential(1) : +value.toPrecision(3);
  const x = points.map(each => each[0]), y = points.map(each => each[1]);
  const [left, right, low, high] = [Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)];
  const at = ([step, value]) => [38 + (width - 42) * (right > left ? (step - left) / (right - left) : 0.5),
    6 + (height - 24) * (high > low ? (high - value) / (high - low) : 0.5)].map(each => each.toFixed(1));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const add = (kind, settings, text = "") => {
    const node = document.createElementNS(svg.namespaceURI, kind);
    for (const [name, value] of Object.entries(settings)) node.setAttribute(name, value);
    node.textContent = text;
    svg.append(node);
    return node;
  };
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", title);
  for (const value of high > low ? [low, (low + high) / 2, high] : [low]) {
    const [, top] = at([left, value]);
    add("line", {x1: 38, x2: width - 4, y1: top, y2: top, style: "stroke: var(--line)", "stroke-width": 1});
    add("text", {x: 34, y: +top + 3, "text-anchor": "end"}, number(value));
  }
  add("text", {x: 38, y: height - 4}, left);
  add("text", {x: width - 4, y: height - 4, "text-anchor": "end"}, right);
  names.forEach((name, index) => {
    const colour = COLOURS[index % COLOURS.length], path = curves[name].map(at);
    if (path.length === 1) add("circle", {cx: path[0][0], cy: path[0][1], r: 3, fill: colour});
    else add("polyline", {points: path.join(" "), fill: "none", stroke: colour, "stroke-width": 1.6, "stroke-linejoin": "round"});
  });
  const shorter = name => name.replace("/" + title, "");
  return make("div", {class: "chart"}, make("h3", {text: title}), svg, make("div", {class: "key"}, ...(names.length > 1 || names[0] !== title ? names : []).map((name, index) =>
    make("span", {}, make("i", {style: `background: ${COLOURS[index % COLOURS.length]}`}), shorter(name)))));
}

async function records() {
  const {panels, evaluations} = await ask("records");
  const rank = ([title]) => title.includes("loss") ? 0 : /gradient_norm/.test(title) ? 2 : 1;
  const own = Object.entries(panels).filter(([, curves]) => !Object.keys(curves).every(name => name.startsWith("guard/")));
  const guards = Object.entries(panels).filter(([, curves]) => Object.keys(curves).every(name => name.startsWith("guard/")));
  const shown = entries => entries.sort((a, b) => rank(a) - rank(b)).map(([title, curves]) => chart(title, curves));
  const box = $("records"), open = box.querySelector("details")?.open;
  const parts = [make("h2", {text: "Curves"}), ...shown(own)];
  if (!own.length) parts.push(make("p", {class: "note", text: "nothing recorded yet"}));
  if (evaluations.length) parts.push(make("h2", {text: "Evaluations"}), make("table", {}, ...evaluations.slice(-12).reverse().map(([key, value, at]) =>
    make("tr", {}, make("td", {text: key}), make("td", {text: value === null ? "not finite" : +value.toPrecision(5)}), make("td", {text: at ?? ""})))));
  if (guards.length) {
    const details = make("details", {}, make("summary", {class: "note", text: "the guard's"}), ...shown(guards));
    details.open = open;
    parts.push(details);
  }
  box.replaceChildren(...parts);
}

// ---- the page

async function begin() {
  run = await ask("run");
  step = run.step;
  document.title = run.name + " · jaxgan";
  $("name").textContent = run.name;
  $("system").textContent = `${run.system} · ${run.shape[0]}×${run.shape[1]}`;
  const steps = run.steps.includes(step) ? run.steps : [...run.steps, step];
  $("step").replaceChildren(...steps.map(each => make("option", {value: each, text: each})));
  $("step").value = step;
  const tabs = [...(run.space ? [latents()] : []), ...run.abilities.map(ability), ...(run.frames.length ? [overTime()] : [])];
  let shown = tabs[0];
  const buttons = tabs.map(tab => make("button", {text: tab.name, role: "tab", click: () => show(tab)}));
  const show = tab => {
    shown = tab;
    buttons.forEach((button, index) => button.setAttribute("aria-selected", String(tabs[index] === tab)));
    $("controls").replaceChildren(tab.controls);
    $("stage").replaceChildren(tab.stage);
    tab.start();
  };
  $("tabs").replaceChildren(...buttons);
  $("step").addEventListener("change", () => { step = +$("step").value; shown.start(); });
  show(shown);
}

$("theme").addEventListener("click", () => {
  const root = document.documentElement, dark = root.className ? root.className === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.className = dark ? "light" : "dark";
});
begin().catch(error => tell(error.message));
const refresh = latest(records);
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, 15000);
