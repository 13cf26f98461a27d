// The HTTP interface of docs/service.md. The page's cookie goes along by itself.

// Where the service is: behind a proxy it may be below a path of another site.
export const BASE = new URL("../..", import.meta.url).href.replace(/\/$/, "");

export class Refused extends Error {
  constructor(status, detail, hint) {
    super(hint ? `${detail} ${hint}` : detail);
    this.status = status;
  }
}

async function send(method, path, body, headers = {}) {
  const options = { method, headers: { accept: "application/json", ...headers } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  const answer = await fetch(BASE + path, options);
  if (answer.status === 204) return null;
  const values = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const detail = typeof values.detail === "string" ? values.detail : `The service answers ${answer.status}.`;
    throw new Refused(answer.status, detail, values.hint);
  }
  return values;
}

const job = (id) => `/jobs/${encodeURIComponent(id)}`;
const collection = (id) => `/collections/${encodeURIComponent(id)}`;

// A list is a parameter that comes several times.
export function search(parameters) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return new URLSearchParams(pairs);
}

export const api = {
  me: () => send("GET", "/me"),
  scenes: async () => (await send("GET", "/scenes")).scenes,
  scene: (id) => send("GET", `/scenes/${encodeURIComponent(id)}`),
  models: async () => (await send("GET", "/models")).models,
  jobs: async () => (await send("GET", "/jobs?limit=50")).jobs,
  job: (id) => send("GET", job(id)),
  results: (id) => send("GET", `${job(id)}/results`),
  dismiss: (id) => send("DELETE", job(id)),
  submit: (process, inputs) =>
    send("POST", `/processes/${process}/execution`, { inputs }, { prefer: "respond-async" }),
  estimate: (inputs) => send("POST", "/processes/ground/estimate", { inputs }),
  summary: async (id) => (await send("GET", collection(id))).summary,
  items: (id, parameters) => send("GET", `${collection(id)}/items?${search(parameters)}`),
  item: (id, feature) => send("GET", `${collection(id)}/items/${feature}`),
  change: (id, feature, values) => send("PATCH", `${job(id)}/features/${feature}`, values),
  draw: (id, values) => send("POST", `${job(id)}/features`, values),
  review: (id, values) => send("PATCH", `${job(id)}/features`, values),
  exportPath: (id, format, reviews) =>
    `${BASE}${job(id)}/export?${new URLSearchParams([["format", format], ...reviews.map((r) => ["review", r])])}`,
  // A raster; `sent` gets the share of it that is sent. fetch does not tell.
  upload: (file, sent) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${BASE}/scenes?${new URLSearchParams({ name: file.name })}`);
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => total && sent(loaded / total);
      request.onload = () => {
        const values = request.response ?? {};
        if (request.status < 400) resolve(values);
        else reject(new Refused(request.status, values.detail ?? "The upload failed.", values.hint));
      };
      request.onerror = () => reject(new Error("The upload failed: the connection broke."));
      request.send(file);
    }),
};

// Events of a job until it has ended. A stream that breaks (the service restarts, the network is away) is taken up
// after the last event that came.
export function follow(id, handlers) {
  let last = 0;
  let stream = null;
  let timer = 0;
  let closed = false;
  const names = ["status", "loading", "plan", "progress", "features", "training"];
  function open() {
    stream = new EventSource(`${BASE}${job(id)}/events?last=${last}`);
    for (const name of names) {
      stream.addEventListener(name, (event) => {
        last = Number(event.lastEventId) || last;
        const values = JSON.parse(event.data);
        if (name === "status" && ["successful", "failed", "dismissed"].includes(values.state)) close();
        handlers[name]?.(values);
      });
    }
    stream.onopen = () => handlers.connected?.();
    stream.onerror = () => {
      if (closed) return;
      stream.close();
      handlers.lost?.();
      timer = setTimeout(open, 1000);
    };
  }
  function close() {
    closed = true;
    clearTimeout(timer);
    stream?.close();
  }
  open();
  return close;
}
