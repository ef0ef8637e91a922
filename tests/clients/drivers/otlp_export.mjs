// Sends COUNT logs and COUNT spans by OpenTelemetry's exporters, as JSON or protobuf with gzip.
// The endpoint and the key come from the environment that every exporter knows.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, encoding, count, label] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const kind = encoding === "json" ? "http" : "proto";
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`);
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { diag, DiagConsoleLogger, DiagLogLevel } = require("@opentelemetry/api");

diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
const options = encoding === "json" ? {} : { compression: "gzip" };
const batch = { maxQueueSize: 10_000, maxExportBatchSize: 100, scheduledDelayMillis: 50, exportTimeoutMillis: 60_000 };
const logExporter = new OTLPLogExporter(options);
const processor = new BatchLogRecordProcessor({ exporter: logExporter, ...batch });
const logs = new LoggerProvider({ processors: [processor] });
const spans = new BasicTracerProvider({
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(options), batch)],
});
const logger = logs.getLogger("driver");
const tracer = spans.getTracer("driver");
for (let n = 0; n < Number(count); n++) {
  logger.emit({ severityNumber: 9, body: `${label} log ${n}`, attributes: { n } });
  tracer.startSpan(`${label} span ${n}`, { attributes: { n, "gen_ai.input.messages": "secret words" } }).end();
}
await logs.forceFlush();
await spans.forceFlush();
await logs.shutdown();
await spans.shutdown();
