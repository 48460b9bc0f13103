/** A tracer that sends spans to a collector over OTLP/HTTP. Loaded only when one is configured. */
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Effect, Layer } from "effect"
import { VERSION } from "../../domain/Version.ts"

/** Where spans go, as the variables of OpenTelemetry name it. */
export interface OtlpSettings {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly protobuf: boolean
}

/** The tracer. It sends until the scope ends, and then what is left for at most a second. A collector that is away loses spans. */
export const otlpTracer = ({ url, headers, protobuf }: OtlpSettings) =>
  OtlpTracer.make({
    url,
    headers,
    resource: { serviceName: "bot-bottle", serviceVersion: VERSION },
    shutdownTimeout: "1 second",
  }).pipe(
    Effect.provide(
      Layer.merge(
        NodeHttpClient.layer,
        protobuf ? OtlpSerialization.layerProtobuf : OtlpSerialization.layerJson,
      ),
    ),
  )
