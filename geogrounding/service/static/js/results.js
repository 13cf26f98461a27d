// The features of one job in the page: which are shown, which is selected, what a reviewer did.

import { api, search } from "./api.js";
import { nearest } from "./geometry.js";
import { drawHistogram } from "./histogram.js";
import { COLOURS } from "./mapview.js";
import { $, debounce, el, number, plural } from "./dom.js";
import { Undo } from "./undo.js";

const PAGE = 1000;
const HIDDEN = new Set(["query", "label", "score", "reasoning", "area_m2", "review", "edited", "deleted", "id", "model", "chip", "source", "outline"]);
const UNITS = [["_m2", "m²"], ["_m", "m"], ["_deg", "°"]];

export class Results {
  constructor(view, drawing, fail) {
    this.view = view;
    this.drawing = drawing;
    this.fail = fail;
    this.undo = new Undo($("undo"), fail);
    this.#reset(null);
    $("score").addEventListener("input", () => this.#filtered());
    for (const id of ["area-from", "area-to", "show"]) $(id).addEventListener("change", () => this.#filtered());
    $("next").addEventListener("click", () => this.step(1));
    $("previous").addEventListener("click", () => this.step(-1));
    $("accept").addEventListener("click", () => this.review("accepted"));
    $("reject").addEventListener("click", () => this.review("rejected"));
    $("edit").addEventListener("click", () => this.correct());
    $("add").addEventListener("click", () => this.add());
    $("delete").addEventListener("click", () => this.remove());
    $("undo").addEventListener("click", () => this.undo.pop());
    $("accept-shown").addEventListener("click", () => this.acceptShown());
    $("what").addEventListener("change", () => this.#downloads());
  }

  #reset(job) {
    this.job = job;
    this.features = new Map();
    this.selected = null;
    this.hidden = new Set();
    this.queries = [];
    this.tiled = false;
    this.matched = 0;
    this.changes = 0;
    this.undo.clear();
    $("score").value = 0;
    $("area-from").value = $("area-to").value = "";
    $("show").value = "all";
  }

  close() {
    this.#reset(null);
    $("right").hidden = true;
  }

  // Show the features of a job that has ended well.
  async open(job) {
    this.#reset(job);
    this.queries = job.inputs.queries ?? [];
    const first = await api.items(job.jobID, { limit: PAGE, sortby: "-score" });
    if (this.job !== job) return;
    this.tiled = first.numberMatched > this.most;
    this.matched = first.numberMatched;
    const pages = [first];
    while (!this.tiled && pages.reduce((n, page) => n + page.numberReturned, 0) < first.numberMatched) {
      pages.push(await api.items(job.jobID, { limit: PAGE, sortby: "-score", offset: pages.length * PAGE }));
    }
    if (this.job !== job) return;
    for (const page of pages) for (const feature of page.features) this.features.set(feature.id, feature);
    this.summary = await api.summary(job.jobID);
    for (const { query } of this.summary.queries) if (!this.queries.includes(query)) this.queries.push(query);
    this.view.setQueries(this.queries);
    this.view.showResults([...this.features.values()], ...(this.tiled ? [this.#tiles(), this.#images()] : []));
    $("crowded").hidden = !this.tiled;
    $("right").hidden = false;
    this.view.fit();
    $("result-title").textContent = job.title;
    $("teach-label").value = this.queries[0] ?? "";
    this.#legend();
    this.#filtered();
    this.#show(null);
  }

  #tiles() {
    this.tiledReview = $("show").value;
    const review = this.tiledReview === "all" ? "" : `&review=${this.tiledReview}`;
    return `/collections/${this.job.jobID}/tiles/WebMercatorQuad/{z}/{x}/{y}?v=${Date.now()}&crowded=false${review}`;
  }

  #images() {
    return `/collections/${this.job.jobID}/map/tiles/WebMercatorQuad/{z}/{x}/{y}?${search({ v: this.changes, ...this.#wanted() })}`;
  }

  get filter() {
    const bound = (id) => ($(id).value === "" ? null : Number($(id).value));
    return { score: Number($("score").value), areaFrom: bound("area-from"), areaTo: bound("area-to"), hidden: [...this.hidden] };
  }

  passes(feature, { score, areaFrom, areaTo } = this.filter) {
    const values = feature.properties;
    const show = $("show").value;
    return (
      !values.deleted &&
      !this.hidden.has(values.query) &&
      (values.score ?? 1) >= score &&
      (areaFrom === null || (values.area_m2 ?? 0) >= areaFrom) &&
      (areaTo === null || (values.area_m2 ?? 0) <= areaTo) &&
      (show === "all" || values.review === show)
    );
  }

  // Shown features, the best score first.
  shown() {
    const filter = this.filter;
    const found = [...this.features.values()].filter((feature) => this.passes(feature, filter));
    return found.sort((a, b) => (b.properties.score ?? 2) - (a.properties.score ?? 2) || a.id - b.id);
  }

  #filtered() {
    if (!this.job) return;
    $("score-text").textContent = Number($("score").value).toFixed(2);
    this.view.setFilter(this.filter);
    if (this.tiled) this.#refill(this.job);
    if (this.tiled && this.tiledReview !== $("show").value) this.view.refreshTiles(this.#tiles());
    if (!this.tiled) this.view.setData([...this.features.values()].filter((feature) => this.passes(feature)));
    this.#count();
  }

  // Of many features, the best that pass the filter: the list that J and K walk through, and how many there are.
  #refill = debounce(async (job) => {
    if (this.job !== job || !this.tiled) return;
    const wanted = JSON.stringify(this.#wanted());
    try {
      const page = await api.items(job.jobID, { limit: PAGE, sortby: "-score", ...this.#wanted() });
      if (this.job !== job || wanted !== JSON.stringify(this.#wanted())) return;
      const selected = this.features.get(this.selected);
      this.features = new Map(page.features.map((feature) => [feature.id, feature]));
      if (selected) this.features.set(selected.id, selected);
      this.matched = page.numberMatched;
      this.view.refreshImages(this.#images());
      this.#count();
    } catch (error) {
      this.fail(error);
    }
  }, 250);

  // The filter as the service reads it.
  #wanted() {
    const { score, areaFrom, areaTo, hidden } = this.filter;
    const wanted = { without: hidden };
    if (score > 0) wanted.min_score = score;
    if (areaFrom !== null) wanted.area_from = areaFrom;
    if (areaTo !== null) wanted.area_to = areaTo;
    if ($("show").value !== "all") wanted.review = $("show").value;
    return wanted;
  }

  #count() {
    const all = [...this.features.values()].filter((feature) => !feature.properties.deleted);
    const total = this.tiled ? this.summary.features : all.length;
    const by = (review) => (this.tiled ? this.summary.reviews[review] : all.filter((f) => f.properties.review === review).length);
    const accepted = by("accepted");
    const rejected = by("rejected");
    const shown = `, ${(this.tiled ? this.matched : this.shown().length).toLocaleString("en")} shown`;
    $("counts").textContent = `${plural(total, "feature")}${shown} · ${accepted} accepted · ${rejected} rejected`;
    this.counts = { accepted, open: total - accepted - rejected };
    const found = new Map(this.summary.queries.map((one) => [one.query, one.features]));
    const here = (query) => all.filter((feature) => feature.properties.query === query).length;
    for (const [query, text] of this.legend) text.textContent = `${query} (${this.tiled ? (found.get(query) ?? 0) : here(query)})`;
    this.#histogram(all);
    this.#downloads();
  }

  #histogram(all) {
    let bins = this.summary.score_histogram;
    if (!this.tiled) {
      bins = new Array(20).fill(0);
      for (const { properties } of all) if (properties.score !== null) bins[Math.min(19, Math.floor(properties.score * 20))] += 1;
    }
    drawHistogram($("histogram"), bins, Number($("score").value));
  }

  #legend() {
    this.legend = [];
    $("queries").replaceChildren(
      ...this.queries.map((query, i) => {
        const box = el("input", { type: "checkbox", checked: true });
        box.addEventListener("change", () => {
          if (box.checked) this.hidden.delete(query);
          else this.hidden.add(query);
          this.#filtered();
        });
        const dot = el("span", { className: `dot colour-${i % COLOURS.length}`, "aria-hidden": "true" });
        const text = el("span", { textContent: query });
        this.legend.push([query, text]);
        return el("li", {}, el("label", {}, box, dot, text));
      }),
    );
  }

  #downloads() {
    const reviews = $("what").value.split(",");
    const usable = reviews.reduce((sum, review) => sum + this.counts[review], 0) > 0;
    const formats = [["geojson", "GeoJSON"], ["gpkg", "GeoPackage"], ["coco", "COCO"]];
    $("downloads").replaceChildren(
      ...formats.map(([format, name]) =>
        usable
          ? el("a", { className: "button", href: api.exportPath(this.job.jobID, format, reviews), download: "", textContent: name })
          : el("button", { type: "button", disabled: true, textContent: name }),
      ),
    );
  }

  // Select a feature by id; null selects none.
  async select(id, look = false) {
    if (!this.job) return;
    if (this.selected !== null) this.view.setState(this.selected, { selected: false });
    this.selected = id;
    if (id === null) {
      this.view.showSelected(null);
      this.#show(null);
      return;
    }
    if (!this.features.has(id)) this.features.set(id, await api.item(this.job.jobID, id));
    this.view.setState(id, { selected: true });
    const feature = this.features.get(id);
    this.view.showSelected(feature);
    this.#show(feature);
    if (look) this.view.lookAt(feature.geometry);
  }

  // Select what was clicked: a feature that the map draws, or one in an image, which the service looks up.
  async pick(id, bbox) {
    if (!this.job || id !== null || !this.tiled) return this.select(id);
    const job = this.job;
    const page = await api.items(job.jobID, { bbox: bbox.join(","), limit: 100, ...this.#wanted() });
    if (this.job !== job) return null;
    const found = nearest(page.features, bbox);
    if (found) this.features.set(found.id, found);
    return this.select(found?.id ?? null);
  }

  step(by) {
    const shown = this.shown();
    if (!shown.length) return;
    const at = shown.findIndex((feature) => feature.id === this.selected);
    const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length;
    this.select(shown[next].id, true);
  }

  #show(feature) {
    const idle = feature === null;
    for (const id of ["accept", "reject", "edit", "delete"]) $(id).disabled = idle;
    if (idle) {
      $("detail").replaceChildren(el("p", { className: "hint", textContent: "Click a polygon, or press J: the next one by score." }));
      return;
    }
    const values = feature.properties;
    const rows = [["Score", values.score === null ? "none" : values.score.toFixed(2)], ["Question", values.query]];
    if (values.area_m2 !== null && values.area_m2 !== undefined) rows.push(["Area", `${number(values.area_m2)} m²`]);
    for (const [key, value] of Object.entries(values)) {
      if (HIDDEN.has(key) || typeof value !== "number") continue;
      const [ending, unit] = UNITS.find(([end]) => key.endsWith(end)) ?? ["", ""];
      const name = key.slice(0, key.length - ending.length).replaceAll("_", " ");
      rows.push([name, `${number(value)} ${unit}`]);
    }
    rows.push(["Review", values.review === "open" ? "not reviewed" : values.review]);
    if (values.model) rows.push(["Model", values.model]);
    const list = el("dl", {}, ...rows.flatMap(([name, value]) => [el("dt", { textContent: name }), el("dd", { textContent: value })]));
    const parts = [el("h4", { textContent: values.label }), list];
    if (values.reasoning) parts.push(el("p", { className: "reasoning", textContent: values.reasoning }));
    if (values.edited) parts.push(el("p", { className: "hint", textContent: values.source === "drawn" ? "Drawn by hand." : "Corrected by hand." }));
    $("detail").replaceChildren(...parts);
  }

  #keep(feature) {
    this.changes += 1;
    this.features.set(feature.id, feature);
    if (this.tiled) {
      this.view.setState(feature.id, { review: feature.properties.review, deleted: feature.properties.deleted });
    }
    this.#filtered();
    if (this.selected === feature.id && feature.properties.deleted) this.select(null);
    if (this.selected === feature.id) {
      this.view.setState(feature.id, { selected: true });
      this.view.showSelected(feature);
      this.#show(feature);
    }
  }

  async #change(id, values, back) {
    const job = this.job;
    const changed = await api.change(job.jobID, id, values);
    if (this.job !== job) return;
    this.#keep(changed);
    if (this.tiled) {
      this.summary = await api.summary(job.jobID);
      this.#count();
    }
    if (back) this.undo.push(() => this.#change(id, back).then(() => this.select(id, true)));
  }

  async review(review) {
    const id = this.selected;
    if (id === null) return;
    const before = this.features.get(id).properties.review;
    const order = this.shown().map((feature) => feature.id);
    try {
      await this.#change(id, { review }, { review: before });
    } catch (error) {
      this.fail(error);
      return;
    }
    // the next one that is not reviewed yet, by score
    const after = [...order.slice(order.indexOf(id) + 1), ...order.slice(0, order.indexOf(id))];
    const next = after.find((other) => this.features.get(other)?.properties.review === "open");
    if (next !== undefined && this.selected === id) this.select(next, true);
  }

  async remove() {
    const id = this.selected;
    if (id === null) return;
    try {
      await this.#change(id, { deleted: true }, { deleted: false });
    } catch (error) {
      this.fail(error);
    }
  }

  async correct() {
    const id = this.selected;
    if (id === null) return;
    const before = this.features.get(id).geometry;
    if (before.type !== "Polygon") {
      this.fail(new Error("Only a polygon of one part can be corrected."));
      return;
    }
    this.view.lookAt(before, 100);
    const geometry = await this.drawing.correct(before, "Drag a vertex, or the middle of an edge. Right click deletes a vertex.");
    if (!geometry || JSON.stringify(geometry) === JSON.stringify(before)) return;
    try {
      await this.#change(id, { geometry }, { geometry: before });
    } catch (error) {
      this.fail(error);
    }
  }

  async add() {
    if (!this.job) return;
    const job = this.job;
    const geometry = await this.drawing.shape("polygon", "Click the corners; click the first one again to close the polygon.");
    if (!geometry || this.job !== job) return;
    const query = this.queries[0] ?? job.title;
    try {
      const drawn = await api.draw(job.jobID, { geometry, query, label: query });
      this.#keep(drawn);
      this.undo.push(() => this.#change(drawn.id, { deleted: true }));
      if (this.tiled) this.view.refreshTiles(this.#tiles());
      this.select(drawn.id);
    } catch (error) {
      this.fail(error);
    }
  }

  async acceptShown() {
    if (!this.job) return;
    const open = this.shown().filter((feature) => feature.properties.review === "open");
    const ids = open.map((feature) => feature.id);
    const job = this.job;
    const { review: show, ...wanted } = this.#wanted();
    if (this.tiled && show !== undefined && show !== "open") return; // what is reviewed already is left as it is
    const body = this.tiled ? { ...wanted, review: "accepted", only: "open" } : { review: "accepted", ids };
    try {
      await api.review(job.jobID, body);
      await this.#reload(job);
      if (!this.tiled) this.undo.push(() => api.review(job.jobID, { review: "open", ids }).then(() => this.#reload(job)));
    } catch (error) {
      this.fail(error);
    }
  }

  // The same job again, with the reviews that are on the server; filters and the selection stay.
  async #reload(job) {
    if (this.job !== job) return;
    this.changes += 1;
    this.summary = await api.summary(job.jobID);
    const ids = [...this.features.keys()];
    this.features.clear();
    for (let offset = 0; ; offset += PAGE) {
      const page = await api.items(job.jobID, { limit: PAGE, sortby: "-score", offset, ...(this.tiled ? this.#wanted() : {}) });
      for (const feature of page.features) this.features.set(feature.id, feature);
      if (this.tiled) this.matched = page.numberMatched;
      if (this.tiled || offset + page.numberReturned >= page.numberMatched || !page.numberReturned) break;
    }
    if (this.tiled) this.view.refreshTiles(this.#tiles());
    if (this.selected !== null && !this.features.has(this.selected) && !ids.includes(this.selected)) this.selected = null;
    this.#filtered();
    if (this.selected !== null) this.#show(this.features.get(this.selected) ?? null);
  }
}
