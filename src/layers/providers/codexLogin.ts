/** The login of Codex as it is in a bottle: placeholders in the form that the program expects. */

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url")

/** A token that nobody signed: the program reads the account, the plan and the expiry from it. */
const unsigned = (placeholder: string): string =>
  [
    part({ alg: "none", typ: "JWT" }),
    part({
      email: "agent@bottle.invalid",
      exp: FAR_AWAY / 1000,
      "https://api.openai.com/auth": {
        chatgpt_account_id: placeholder,
        chatgpt_plan_type: "pro",
        chatgpt_user_id: placeholder,
      },
    }),
    part({}),
  ].join(".")

/** It would refresh what expires, and what it has not refreshed for days. */
const FAR_AWAY = Date.UTC(2100, 0, 1)

/** The content of an `auth.json` with nothing in it that counts anywhere. */
export const placeholderLogin = (placeholder: string): string => {
  const token = unsigned(placeholder)
  return JSON.stringify({
    OPENAI_API_KEY: null,
    auth_mode: "chatgpt",
    tokens: { id_token: token, access_token: token, refresh_token: placeholder, account_id: placeholder },
    last_refresh: new Date(FAR_AWAY).toISOString(),
  })
}
