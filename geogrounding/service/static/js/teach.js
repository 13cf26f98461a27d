// A new model from what was accepted, with the curve of its loss while it learns.

import { api, follow } from "./api.js";
import { $, duration, svg } from "./dom.js";

export class Teach {
  constructor(results, fail, done) {
    this.results = results;
    this.fail = fail;
    this.done = done;
    this.stop = () => {};
    this.job = null;
    $("teach").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    $("teach-cancel").addEventListener("click", () => this.job && api.dismiss(this.job).catch(this.fail));
  }

  async #start() {
    if (!this.results.job) return;
    const inputs = {
      job: this.results.job.jobID,
      label: $("teach-label").value.trim(),
      name: $("teach-name").value.trim(),
      steps: Number($("teach-steps").value),
    };
    try {
      const job = await api.submit("train", inputs);
      this.follow(job.jobID, inputs.name);
    } catch (error) {
      this.fail(error);
    }
  }

  follow(id, name) {
    this.stop();
    this.job = id;
    this.losses = [];
    $("teaching").hidden = false;
    $("curve").replaceChildren();
    $("teaching-text").textContent = "Waiting…";
    $("teach-run").disabled = true;
    this.stop = follow(id, {
      status: ({ state, message }) => {
        if (state === "running") $("teaching-text").textContent = "Cutting the training set…";
        if (!["successful", "failed", "dismissed"].includes(state)) return;
        $("teach-run").disabled = false;
        $("teach-cancel").hidden = true;
        const said = { successful: `Ready: the model ${name} is chosen now.`, dismissed: "Cancelled.", failed: message };
        $("teaching-text").textContent = said[state];
        if (state === "successful") this.done(name);
      },
      training: ({ step, steps, loss, seconds_left: left }) => {
        $("teach-cancel").hidden = false;
        $("teaching-text").textContent = `Step ${step} of ${steps}${left ? `, ${duration(left)} left` : ""}`;
        this.losses = this.losses.filter(([earlier]) => earlier < step); // steps after a checkpoint come again
        if (typeof loss === "number") this.losses.push([step, loss]);
        this.#curve(steps);
      },
    });
  }

  #curve(steps) {
    const most = Math.max(...this.losses.map(([, loss]) => loss), 1e-9);
    const points = this.losses.map(([step, loss]) => `${(200 * step) / steps},${68 - (64 * loss) / most}`).join(" ");
    $("curve").replaceChildren(
      svg("line", { x1: 0, y1: 69, x2: 200, y2: 69, class: "axis" }),
      svg("polyline", { points, class: "loss" }),
    );
    const [, last] = this.losses.at(-1) ?? [0, 0];
    $("curve").setAttribute("aria-label", `Loss by step, now ${last.toPrecision(3)}`);
  }
}
