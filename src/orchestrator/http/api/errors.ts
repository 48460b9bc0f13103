/** Errors of the HTTP interface: each has a status, a tag in its body, and a message that says what to do. */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Schema } from "effect"

const withMessage = { message: Schema.String }

/** 400: a cursor or a parameter that is not one of this service. */
export class BadRequest extends Schema.TaggedError<BadRequest>()(
  "BadRequest",
  withMessage,
  HttpApiSchema.annotations({ status: 400 }),
) {}

/** 401: nobody who may ask. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  withMessage,
  HttpApiSchema.annotations({ status: 401 }),
) {}

/** 403: a `Host` or an `Origin` that is not the service's. */
export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  withMessage,
  HttpApiSchema.annotations({ status: 403 }),
) {}

/** 404: there is no such issue, bottle, run or path. */
export class NotFound extends Schema.TaggedError<NotFound>()(
  "NotFound",
  withMessage,
  HttpApiSchema.annotations({ status: 404 }),
) {}

/** 409: what is asked for cannot be done in the present state. */
export class Conflict extends Schema.TaggedError<Conflict>()(
  "Conflict",
  withMessage,
  HttpApiSchema.annotations({ status: 409 }),
) {}

/** 429: too many attempts or streams. */
export class TooMany extends Schema.TaggedError<TooMany>()(
  "TooMany",
  withMessage,
  HttpApiSchema.annotations({ status: 429 }),
) {}

/** 503: a store or a backend does not respond. The service's log says why. */
export class Unavailable extends Schema.TaggedError<Unavailable>()(
  "Unavailable",
  withMessage,
  HttpApiSchema.annotations({ status: 503 }),
) {}
