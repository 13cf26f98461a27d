// Drawing and correcting polygons, by terra-draw: only what is being drawn is in it.

import { TerraDraw, TerraDrawPolygonMode, TerraDrawRectangleMode, TerraDrawSelectMode, ValidateNotSelfIntersecting } from "../vendor/terra-draw.mjs";
import { TerraDrawMapLibreGLAdapter } from "../vendor/terra-draw-maplibre-gl-adapter.mjs";
import { $ } from "./dom.js";

const STYLE = { fillColor: "#ffffff", fillOpacity: 0.15, outlineColor: "#ffffff", outlineWidth: 3 };

export class Drawing {
  constructor(view) {
    this.view = view;
    this.draw = null;
    this.count = 0;
    this.cancelled = () => {};
    $("drawing-stop").addEventListener("click", () => this.stop());
  }

  get active() {
    return this.draw !== null;
  }

  // Draw one shape: "rectangle" or "polygon". The promise gives its geometry, or null where drawing was stopped.
  shape(mode, text) {
    return this.#begin(text, (resolve) => {
      this.draw.setMode(mode);
      $("drawing-done").hidden = true;
      this.draw.on("finish", (id) => resolve(this.draw.getSnapshotFeature(id).geometry));
    });
  }

  // Correct a polygon: its vertices are dragged, added in the middle of an edge, deleted by a right click.
  correct(geometry, text) {
    return this.#begin(text, (resolve) => {
      const shape = { type: "Feature", geometry, properties: { mode: "polygon" } };
      const [added] = this.draw.addFeatures([shape]);
      if (!added.valid) {
        resolve(null);
        return;
      }
      this.draw.setMode("select");
      this.draw.selectFeature(added.id);
      $("drawing-done").hidden = false;
      $("drawing-done").focus(); // Enter ends it, also from the map
      $("drawing-done").onclick = () => resolve(this.draw.getSnapshotFeature(added.id)?.geometry ?? null);
    });
  }

  stop() {
    this.cancelled();
  }

  // What is corrected is right now.
  finish() {
    if (this.active && !$("drawing-done").hidden) $("drawing-done").click();
  }

  #begin(text, begin) {
    this.stop();
    this.view.picking = false;
    const flags = { feature: { draggable: true, coordinates: { midpoints: true, draggable: true, deletable: true } } };
    this.draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map: this.view.map, coordinatePrecision: 9, prefixId: `draw-${(this.count += 1)}` }),
      modes: [
        new TerraDrawRectangleMode({ styles: STYLE, drawInteraction: "click-move-or-drag" }),
        new TerraDrawPolygonMode({ styles: STYLE, validation: ValidateNotSelfIntersecting }),
        new TerraDrawSelectMode({ flags: { polygon: flags, rectangle: flags } }),
      ],
    });
    this.draw.start();
    $("drawing").hidden = false;
    $("drawing-text").textContent = text;
    return new Promise((resolve) => {
      const end = (geometry) => {
        this.cancelled = () => {};
        const own = this.draw;
        this.draw = null;
        // terra-draw is still inside its own event here, and the click that ended the drawing is none on a polygon
        setTimeout(() => {
          own.stop();
          if (this.draw === null) this.view.picking = true;
        }, 0);
        $("drawing").hidden = true;
        resolve(geometry);
      };
      this.cancelled = () => end(null);
      begin(end);
    });
  }
}
