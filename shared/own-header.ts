/** Fields that belong to HTTP or to MCP: another value would break what they stand for. */
const OWN =
  /^(accept|accept-encoding|connection|content-.*|expect|host|keep-alive|last-event-id|mcp-.*|te|trailer|transfer-encoding|upgrade)$/i;

/** Whether a header is not the user's to set on the way to a remote server. */
export function isOwnHeader(name: string): boolean {
  return OWN.test(name);
}
