// The lists on the left: scenes and jobs.

import { api } from "./api.js";
import { $, el } from "./dom.js";

const MARKS = { accepted: "◌", interrupted: "◌", running: "▶", successful: "✓", failed: "!", dismissed: "×" };
const WORDS = { accepted: "waiting", interrupted: "interrupted, goes on", running: "running", successful: "done", failed: "failed", dismissed: "cancelled" };

export class Scenes {
  constructor(choose, fail) {
    this.choose = choose;
    this.fail = fail;
    this.all = [];
    this.current = null;
    $("scene-filter").addEventListener("input", () => this.#draw());
    $("upload").addEventListener("change", () => this.#upload());
  }

  async load() {
    this.all = await api.scenes();
    this.#draw();
  }

  mark(id) {
    this.current = id;
    this.#draw();
  }

  name(id) {
    return this.all.find((scene) => scene.id === id)?.name ?? "a scene that is gone";
  }

  #draw() {
    const wanted = $("scene-filter").value.trim().toLowerCase();
    const found = this.all.filter((scene) => scene.name.toLowerCase().includes(wanted));
    const rows = found.slice(0, 300).map((scene) => {
      const button = el("button", { type: "button", className: "row", title: scene.name, "aria-pressed": String(scene.id === this.current) }, el("span", { textContent: scene.name }));
      button.addEventListener("click", () => this.choose(scene.id));
      return el("li", {}, button);
    });
    if (!rows.length) rows.push(el("li", { className: "hint", textContent: this.all.length ? "No scene has that in its name." : "No rasters yet: copy some into the folder of the service, or upload one." }));
    if (found.length > 300) rows.push(el("li", { className: "hint", textContent: `and ${found.length - 300} more: filter by name` }));
    $("scenes").replaceChildren(...rows);
  }

  async #upload() {
    const [file] = $("upload").files;
    if (!file) return;
    const label = document.querySelector("label[for=upload]");
    $("upload").disabled = true;
    try {
      const scene = await api.upload(file, (share) => (label.textContent = share < 1 ? `${Math.floor(100 * share)} %` : "Checking…"));
      await this.load();
      this.choose(scene.id);
    } catch (error) {
      this.fail(error);
    } finally {
      $("upload").value = "";
      $("upload").disabled = false;
      label.textContent = "Upload";
    }
  }
}

export class Jobs {
  constructor(scenes, open, fail) {
    this.scenes = scenes;
    this.open = open;
    this.fail = fail;
    this.current = null;
    setInterval(() => document.visibilityState === "visible" && this.load().catch(() => {}), 4000);
  }

  mark(id) {
    this.current = id;
    this.load().catch(() => {});
  }

  async load() {
    const jobs = await api.jobs();
    const focused = document.activeElement?.dataset?.job;
    const rows = jobs.map((job) => {
      const count = typeof job.features === "number" ? ` · ${job.features.toLocaleString("en")}` : "";
      const state = job.state === "running" ? `${job.progress} %` : WORDS[job.state];
      const about = `${state}${count}${job.mine ? "" : " · other user"} · ${job.scene ? this.scenes.name(job.scene) : "teaching"}`;
      const row = el(
        "button",
        { type: "button", className: `row state-${job.state}`, "aria-pressed": String(job.jobID === this.current), dataset: { job: job.jobID } },
        el("span", { className: "mark", "aria-hidden": "true", textContent: MARKS[job.state] }),
        el("span", {}, el("strong", { textContent: job.title }), el("small", { textContent: about })),
      );
      row.addEventListener("click", () => this.open(job.jobID));
      const ended = ["successful", "failed", "dismissed"].includes(job.state);
      const remove = el("button", { type: "button", className: "icon quiet", title: ended ? "Remove" : "Cancel", "aria-label": `${ended ? "Remove" : "Cancel"} ${job.title}`, textContent: "×" });
      remove.addEventListener("click", () => this.#remove(job, ended));
      return el("li", { className: "with-icon" }, row, remove);
    });
    if (!rows.length) rows.push(el("li", { className: "hint", textContent: "Nothing was asked yet." }));
    $("jobs").replaceChildren(...rows);
    if (focused) [...$("jobs").querySelectorAll("[data-job]")].find((row) => row.dataset.job === focused)?.focus();
  }

  async #remove(job, ended) {
    if (ended && job.state === "successful" && !confirm(`Remove “${job.title}” with its results?`)) return;
    try {
      await api.dismiss(job.jobID);
      await this.load();
    } catch (error) {
      this.fail(error);
    }
  }
}
