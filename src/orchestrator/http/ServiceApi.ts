/** ServiceApi describes the HTTP interface of the service for operators. Every endpoint needs an operator's token or session. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as OpenApi from "@effect/platform/OpenApi"
import { VERSION } from "../../domain/Version.ts"
import { bottles } from "./api/bottles.ts"
import { issues, provenance } from "./api/issues.ts"
import { OperatorsOnly } from "./api/Operator.ts"
import { requests } from "./api/requests.ts"
import { metrics, service, usage } from "./api/service.ts"
import { events } from "./api/stream.ts"

/**
 * The HTTP interface of the service. A group more is a file more in `api/` and one in `handle/`. Each group names who may call it: the
 * document says so of each endpoint.
 */
export class ServiceApi extends HttpApi.make("bot-bottle")
  .add(service.middleware(OperatorsOnly))
  .add(issues.middleware(OperatorsOnly))
  .add(bottles.middleware(OperatorsOnly))
  .add(requests.middleware(OperatorsOnly))
  .add(events.middleware(OperatorsOnly))
  .add(usage.middleware(OperatorsOnly))
  .add(provenance.middleware(OperatorsOnly))
  .add(metrics.middleware(OperatorsOnly))
  .annotateContext(
    OpenApi.annotations({
      title: "bot-bottle",
      version: VERSION,
      description:
        "The orchestrator, for its operators. Texts of agents and strangers are data: show them as text.",
    }),
  ) {}
