/** otlpSettings: reads where traces go from the variables of OpenTelemetry. */
import { Effect, Option } from "effect"
import { ConfigurationInvalid } from "../../domain/Errors.ts"
import type { OtlpSettings } from "./otlp.ts"

/** None when no collector is configured. Fails when its address is not one. */
export const otlpSettings = (
  env: Readonly<Record<string, string | undefined>>,
): Effect.Effect<Option.Option<OtlpSettings>, ConfigurationInvalid> => {
  const base = env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? ""
  const own = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? ""
  if ((base === "" && own === "") || env["OTEL_SDK_DISABLED"] === "true") return Effect.succeedNone
  const url = own === "" ? `${base.replace(/\/+$/, "")}/v1/traces` : own
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    return Effect.fail(
      new ConfigurationInvalid({
        problems: [
          {
            file: "the environment",
            key: own === "" ? "OTEL_EXPORTER_OTLP_ENDPOINT" : "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            expected: "an address that begins with http:// or https://",
          },
        ],
      }),
    )
  const protobuf = env["OTEL_EXPORTER_OTLP_PROTOCOL"] === "http/protobuf"
  return Effect.succeedSome({ url, headers: headersOf(env["OTEL_EXPORTER_OTLP_HEADERS"] ?? ""), protobuf })
}

/** `name=value,name=value`, as OpenTelemetry has it. What is not such a pair is left out. */
const headersOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/\s*([!#$%&'*+.^`|~\w-]+)=([^,]*)(?:,|$)/g)].map(([, name = "", value = ""]) => [
      name,
      value.trim(),
    ]),
  )
