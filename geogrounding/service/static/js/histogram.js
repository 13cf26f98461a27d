// Bars of equal classes of scores.

import { svg } from "./dom.js";

// Those from a score on are drawn strongly.
export function drawHistogram(element, bins, from) {
  const most = Math.max(...bins, 1);
  element.replaceChildren(
    ...bins.map((count, i) => {
      const height = (42 * count) / most;
      return svg("rect", { x: i * 10 + 1, y: 44 - height, width: 8, height, class: i + 1 > from * 20 ? "in" : "out" });
    }),
  );
  const peak = bins.indexOf(Math.max(...bins));
  element.setAttribute("aria-label", `Histogram of scores: most are between ${(peak / 20).toFixed(2)} and ${((peak + 1) / 20).toFixed(2)}`);
}
