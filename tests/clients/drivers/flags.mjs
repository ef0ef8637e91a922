// Reads flags by OpenFeature's OFREP provider and by Unleash's SDK, polling or streaming, and says
// on a line of JSON what each of them knows, first and whenever it changes. Ends with its input.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, url, streamUrl, token] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { OpenFeature } = require("@openfeature/server-sdk");
const { OFREPProvider } = require("@openfeature/ofrep-provider");
const { Unleash } = require("unleash-client");

const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);
await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: url, headers: [["Authorization", `Bearer ${token}`]] }),
);
const client = OpenFeature.getClient();
const who = { targetingKey: "u-1", tier: 2, nested: { x: 1 } };
for (const name of ["new-planner", "no-such"]) {
  const { value, reason, variant, errorCode } = await client.getBooleanDetails(name, false, who);
  say({ openfeature: name, value, reason, variant, errorCode });
}
say({ openfeature: "color", value: await client.getStringValue("color", "-", who) });
say({ openfeature: "limit", value: await client.getNumberValue("limit", 0, who) });

function unleash(kind, base, extra) {
  const sdk = new Unleash({
    url: `${base}/unleash/api/`,
    appName: `node-${kind}`,
    customHeaders: { Authorization: token },
    refreshInterval: 1_000,
    metricsInterval: 1_000,
    disableAutoStart: false,
    storageProvider: new (require("unleash-client").InMemStorageProvider)(),
    skipInstanceCountWarning: true,
    ...extra,
  });
  let last;
  sdk.on("error", (error) => say({ kind, error: String(error) }));
  const timer = setInterval(() => {
    const now = sdk.isEnabled("new-planner", { userId: "u-1" });
    const variant = sdk.getVariant("color", { userId: "u-1" }).name;
    if (sdk.isSynchronized() && now !== last) say({ kind, enabled: (last = now), variant });
  }, 10);
  return () => (clearInterval(timer), sdk.destroy());
}

const ends = [
  unleash("polling", url, {}),
  unleash("streaming", streamUrl, { experimentalMode: { type: "streaming" } }),
];
process.stdin.resume();
process.stdin.on("end", () => {
  ends.forEach((end) => end());
  process.exit(0);
});
