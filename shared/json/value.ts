/**
 * A decoded JSON value. Numbers are IEEE 754 doubles; objects are plain, with `__proto__` as an
 * own member where the text had it (`JSON.parse` defines members, it never sets them).
 */
export type JsonValue = null | boolean | number | string | JsonArray | JsonObject;
export type JsonArray = readonly JsonValue[];
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
