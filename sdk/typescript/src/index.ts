export * from "./generated/index.js";
export { BiltenError, bilten, type BiltenOptions } from "./client.js";
export { items, type Page } from "./pages.js";
export { verifyWebhook, WebhookRefused, type VerifyOptions, type WebhookHeaders } from "./webhooks.js";
