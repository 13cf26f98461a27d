// The web map: a scene, questions, a job that is followed, its results.

import { api, follow } from "./api.js";
import { $, debounce, duration, el, plural } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Jobs, Scenes } from "./lists.js";
import { COLOURS, MapView } from "./mapview.js";
import { Results } from "./results.js";
import { Teach } from "./teach.js";

const QUESTION = /^(how|what|which|is|are|does|do|where|who|count)\b|\?\s*$/i;

const state = { scene: null, job: null, questions: [], area: null, examples: [], stop: () => {}, found: 0 };

function fail(error) {
  if (error?.status === 401) {
    location.reload();
    return;
  }
  $("problem").textContent = error?.message ?? String(error);
  $("problem").hidden = false;
}

function clearMessages() {
  $("problem").hidden = true;
  $("answer").hidden = true;
}

const view = new MapView($("map"), (id, around) => results.pick(id, around).catch(fail));
const drawing = new Drawing(view);
const results = new Results(view, drawing, fail);
const scenes = new Scenes((id) => showScene(id).catch(fail), fail);
const jobs = new Jobs(scenes, (id) => openJob(id).catch(fail), fail);
const teach = new Teach(results, fail, async (name) => {
  await loadModels();
  $("model").value = name;
  estimate();
});

const NARROW = matchMedia("(max-width: 860px)");

async function showScene(id, keepJob = false) {
  if (!keepJob) leaveJob();
  clearMessages();
  if (state.scene?.id !== id) setDrawn(null, []);
  const scene = await api.scene(id);
  if (scene.problem) throw new Error([scene.problem, scene.hint].filter(Boolean).join(" "));
  const metres = scene.ground_resolution_m ?? 1;
  const latitude = ((scene.bbox[1] + scene.bbox[3]) / 2) * (Math.PI / 180);
  scene.maxzoom = Math.max(2, Math.min(24, Math.ceil(Math.log2((156543 * Math.cos(latitude)) / metres))));
  state.scene = scene;
  scenes.mark(id);
  $("welcome").hidden = true;
  await view.showScene(scene);
  if (!keepJob) history.replaceState(null, "", `#scene=${encodeURIComponent(id)}`);
  estimate();
  updateRun();
  if (NARROW.matches) {  // the list lies over the map there, and has done its work
    document.body.classList.add("no-left");
    $("left-toggle").setAttribute("aria-expanded", "false");
  }
  $("query").focus();
}

// Questions

function currentQuestions() {
  const typed = $("query").value.trim();
  return [...new Set([...state.questions, ...(typed ? [typed] : [])])];
}

function addQuestion() {
  const typed = $("query").value.trim();
  if (!typed) return;
  state.questions = currentQuestions();
  $("query").value = "";
  drawQuestions();
  $("query").focus();
}

function drawQuestions() {
  $("questions").replaceChildren(
    ...state.questions.map((question, i) => {
      const remove = el("button", { type: "button", className: "icon quiet", "aria-label": `Take out ${question}`, textContent: "×" });
      remove.addEventListener("click", () => {
        state.questions.splice(i, 1);
        drawQuestions();
        estimate();
        updateRun();
      });
      const dot = el("span", { className: `dot colour-${i % COLOURS.length}`, "aria-hidden": "true" });
      return el("li", { className: "chip" }, dot, el("span", { textContent: question }), remove);
    }),
  );
}

function inputs() {
  const questions = currentQuestions();
  const model = $("model").value;
  const shared = { scene: state.scene.id, ...(model ? { model } : {}) };
  if (isAsked()) return ["ask", { ...shared, question: questions[0] }];
  const values = { ...shared, queries: questions.length ? questions : ["like the examples"] };
  if ($("outline").value) values.outline = $("outline").value;
  if (state.area) values.area = state.area;
  if (state.examples.length) values.like = state.examples;
  return ["ground", values];
}

function isAsked() {
  const questions = currentQuestions();
  return questions.length === 1 && QUESTION.test(questions[0]) && !state.area && !state.examples.length && !$("outline").value;
}

function updateRun() {
  const running = state.job !== null && !state.job.ended;
  $("run").textContent = isAsked() ? "Ask" : "Run";
  $("run").disabled = !state.scene || running || (!currentQuestions().length && !state.examples.length);
}

let estimates = 0;
const estimate = debounce(async () => {
  const own = (estimates += 1);
  if (!state.scene || (state.job && !state.job.ended) || (!currentQuestions().length && !state.examples.length) || isAsked()) {
    $("estimate").textContent = "";
    return;
  }
  try {
    $("estimate").textContent = "Estimating…";
    const { chips, seconds, jobs_ahead: ahead } = await api.estimate(inputs()[1]);
    if (own !== estimates) return;
    const time = seconds === null ? "" : `, ${duration(seconds)}`;
    $("estimate").textContent = `${plural(chips, "chip")}${time}${ahead ? `, after ${plural(ahead, "other job")}` : ""}`;
  } catch (error) {
    if (own === estimates) $("estimate").textContent = error.message;
  }
}, 400);

function setDrawn(area, examples) {
  state.area = area;
  state.examples = examples;
  $("draw-area").textContent = area ? "Area drawn ×" : "Draw an area";
  $("draw-area").setAttribute("aria-pressed", String(area !== null));
  $("draw-example").textContent = examples.length ? `${plural(examples.length, "example")} (mark more)` : "Mark an example";
  $("draw-example").setAttribute("aria-pressed", String(examples.length > 0));
  view.showDrawn(area, examples).catch(fail);
  estimate();
  updateRun();
}

async function drawArea() {
  if (state.area) {
    setDrawn(null, state.examples);
    return;
  }
  const area = await drawing.shape("polygon", "Click the corners of the area; click the first one again to close it.");
  if (area) setDrawn(area, state.examples);
}

async function drawExample() {
  if (!state.scene) return;
  const example = await drawing.shape("rectangle", "Click two corners of a box around an example. All that look like it will be found.");
  if (example) setDrawn(state.area, [...state.examples, example]);
}

// Jobs

function leaveJob() {
  state.stop();
  state.stop = () => {};
  state.job = null;
  $("running").hidden = true;
  results.close();
  view.map.isStyleLoaded() && view.clear();
  jobs.mark(null);
  updateRun();
}

async function run() {
  clearMessages();
  if (drawing.active) drawing.stop();
  const [process, values] = inputs();
  leaveJob();
  try {
    const job = await api.submit(process, values);
    await openJob(job.jobID);
  } catch (error) {
    fail(error);
  }
}

async function openJob(id) {
  const job = await api.job(id);
  if (job.processID === "train") {
    if (results.job?.jobID !== job.inputs.job) await openJob(job.inputs.job).catch(() => {});
    teach.follow(id, job.inputs.name);
    $("right").hidden = false;
    return;
  }
  leaveJob();
  clearMessages();
  state.job = job;
  job.ended = false;
  jobs.mark(id);
  history.replaceState(null, "", `#job=${encodeURIComponent(id)}`);
  state.questions = job.inputs.queries ? [...job.inputs.queries] : [];
  $("query").value = job.inputs.question ?? "";
  if (state.questions.length === 1) $("query").value = state.questions.pop();
  drawQuestions();
  $("outline").value = job.inputs.outline ?? "";
  if ([...$("model").options].some(({ value }) => value === job.inputs.model)) $("model").value = job.inputs.model;
  try {
    await showScene(job.scene, true);
  } catch (error) {
    fail(error.status === 404 ? new Error("The scene of this job is gone.") : error);
  }
  if (state.job !== job) return;
  setDrawn(job.inputs.area ?? null, job.inputs.like ?? []);
  view.setQueries(job.inputs.queries ?? []);
  $("running").hidden = false;
  $("progress").removeAttribute("value");
  $("running-text").textContent = "Waiting…";
  state.found = 0;
  updateRun();
  const mine = (handler) => (values) => state.job === job && handler(values);
  state.stop = follow(id, {
    status: mine((values) => showStatus(job, values)),
    loading: mine(() => ($("running-text").textContent = "Loading the model…")),
    plan: mine(({ chips }) => {
      $("running-text").textContent = plural(chips, "chip");
      $("progress").value = 0;
    }),
    progress: mine(({ chips_done: done, chips_total: total }) => {
      $("progress").value = total ? (100 * done) / total : 0;
      $("running-text").textContent = `${done.toLocaleString("en")} of ${plural(total, "chip")}${state.found ? `, ${state.found.toLocaleString("en")} found so far` : ""}`;
    }),
    features: mine(({ features }) => {
      state.found += features.length;
      view.addLive(features);
    }),
    lost: mine(() => ($("running-text").textContent = "The service is away; waiting for it…")),
  });
}

async function showStatus(job, { state: reached, message }) {
  job.state = reached;
  if (reached === "accepted" || reached === "interrupted") {
    const { jobs_ahead: ahead } = await api.job(job.jobID).catch(() => ({}));
    if (state.job !== job || job.state !== reached) return;
    $("running-text").textContent = ahead ? `Waiting for ${plural(ahead, "other job")}…` : "Waiting…";
    return;
  }
  if (reached === "running") {
    $("running-text").textContent = "Running…";
    return;
  }
  job.ended = true;
  $("running").hidden = true;
  updateRun();
  jobs.load().catch(() => {});
  if (reached === "successful") await showEnd(job);
  else if (reached === "failed") fail(new Error(message || "The job failed."));
  else $("estimate").textContent = "Cancelled.";
}

async function showEnd(job) {
  try {
    const { report } = await api.results(job.jobID);
    if (state.job !== job) return;
    await results.open(job);
    $("estimate").textContent = "";
    const nothing = report?.features === 0 ? `Nothing was found.${job.inputs.like ? " Mark more examples." : ""}` : "";
    $("answer").textContent = report?.answer || nothing;
    $("answer").hidden = !$("answer").textContent;
    if (report?.failed) fail(new Error(`${plural(report.failed, "chip")} could not be read or answered; the result lacks them.`));
  } catch (error) {
    fail(error);
  }
}

async function loadModels() {
  const models = await api.models();
  const chosen = $("model").value;
  $("model").replaceChildren(...models.map((name) => el("option", { value: name, textContent: name })));
  if (models.includes(chosen)) $("model").value = chosen;
}

// Page

function toggle(button, panel) {
  $(button).addEventListener("click", () => {
    const closed = document.body.classList.toggle(`no-${panel}`);
    $(button).setAttribute("aria-expanded", String(!closed));
    view.map.resize();
    view.fit();
  });
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (event.key === "z" && !typing(event)) results.undo.pop();
    return;
  }
  if (event.key === "Escape" && drawing.active) {
    drawing.stop();
    return;
  }
  if (event.key === "Enter" && !typing(event) && event.target.tagName !== "BUTTON") drawing.finish();
  if (typing(event) || drawing.active || !results.job) return;
  const actions = {
    j: () => results.step(1), k: () => results.step(-1), a: () => results.review("accepted"), r: () => results.review("rejected"),
    e: () => results.correct(), n: () => results.add(), z: () => results.undo.pop(), Delete: () => results.remove(),
    Escape: () => results.select(null),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

const typing = (event) => event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea");

async function openAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  if (address.has("job")) await openJob(address.get("job"));
  else if (address.has("scene")) await showScene(address.get("scene"));
  else if (scenes.all.length === 1) await showScene(scenes.all[0].id);
}

async function begin() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(localStorage.getItem("theme") ?? (dark ? "dark" : "light"));
  $("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  toggle("left-toggle", "left");
  toggle("right-toggle", "right");
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("run").disabled) run();
  });
  $("query").addEventListener("input", () => (estimate(), updateRun()));
  $("add-question").addEventListener("click", addQuestion);
  for (const id of ["outline", "model"]) $(id).addEventListener("change", () => (estimate(), updateRun()));
  $("draw-area").addEventListener("click", () => drawArea().catch(fail));
  $("draw-example").addEventListener("click", () => drawExample().catch(fail));
  $("cancel").addEventListener("click", () => state.job && api.dismiss(state.job.jobID).catch(fail));
  $("link").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(location.href).catch(() => {});
    $("link").textContent = "Copied";
    setTimeout(() => ($("link").textContent = "Copy link"), 1500);
  });
  addEventListener("keydown", onKey);
  addEventListener("resize", () => view.fit());
  addEventListener("hashchange", () => openAddress().catch(fail));
  results.most = (await api.me()).inline_features;
  await Promise.all([scenes.load(), loadModels()]);
  await jobs.load();
  await openAddress();
  document.body.dataset.ready = "true";
}

window.geoground = { view, results, drawing }; // for the console, and for tests that look at what is drawn
begin().catch(fail);
