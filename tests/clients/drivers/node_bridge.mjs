// Methods of a client's own objects, called by lines: ["method", ...arguments] in, one JSON object
// out. What is driven is chosen by the first argument, and taken from the folder in the second.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [kind, folder, ...rest] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(folder, "node_modules", path)));

const kinds = {
  // beads-sdk's class that runs `bd`.
  async commands() {
    const { BeadsClient } = await load("@herbcaudill/beads-sdk/dist/BeadsClient.js");
    return new BeadsClient();
  },
  // beads-sdk's exported class, which reads `issues.jsonl` where no daemon runs.
  async lines() {
    const { BeadsClient } = await load("@herbcaudill/beads-sdk/dist/index.js");
    const client = new BeadsClient();
    await client.connect(process.cwd());
    return client;
  },
  // beads-workflows asks its runtime for two things; Node gives it both.
  async workflows() {
    globalThis.Bun ??= (await import("./bun_in_node.mjs")).default;
    const found = await load("beads-workflows/dist/index.js");
    const { issues, epics } = found.Beads({ path: await found.findBeadsDir(process.cwd()) });
    const prefixed = (name, api) =>
      Object.fromEntries(
        Object.keys(api).map((key) => [`${name}.${key}`, (...given) => api[key](...given)]),
      );
    return { ...found, ...prefixed("issues", issues), ...prefixed("epics", epics) };
  },
  // beads-ui's own protocol, as its page speaks it.
  async socket() {
    const { WebSocket } = await load("ws/wrapper.mjs");
    const socket = new WebSocket(rest[0]);
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    const replies = new Map();
    const lists = new Map();
    let questions = [];
    const apply = ({ type, id, issues, issue, issue_id }) => {
      if (type === "snapshot") lists.set(id, new Map(issues.map((one) => [one.id, one])));
      else if (type === "upsert") lists.get(id)?.set(issue.id, issue);
      else if (type === "delete") lists.get(id)?.delete(issue_id);
    };
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (replies.has(message.id)) replies.get(message.id)(message);
      else apply(message.payload ?? {});
      questions = questions.filter((answered) => !answered());
    });
    let number = 0;
    return {
      send: (type, payload) =>
        new Promise((resolve) => {
          const id = `m-${++number}`;
          replies.set(id, resolve);
          socket.send(JSON.stringify({ id, type, payload }));
        }),
      list: (id) => [...lists.get(id).values()],
      // Until the list that the server keeps up to date has the issue like this; or no more.
      until: (id, issue, like) =>
        new Promise((resolve) => {
          const answered = () => {
            const found = lists.get(id)?.get(issue);
            const fits = like
              ? found && Object.entries(like).every(([key, value]) => found[key] === value)
              : !found;
            if (fits) resolve(found ?? null);
            return fits;
          };
          if (!answered()) questions.push(answered);
        }),
    };
  },
};

const target = await kinds[kind]();
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...given] = JSON.parse(line);
  let found;
  try {
    found = { value: (await target[method](...given)) ?? null };
  } catch (error) {
    found = { error: String(error?.message ?? error) };
  }
  console.log(JSON.stringify(found));
}
process.exit(0);
