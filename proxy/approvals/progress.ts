import { isJsonObject } from '../../shared/json/value.ts';
import type { ToolCall } from '../inspect.ts';
import { valueOf } from './client-answer.ts';
import type { ClientChannel } from './client-channel.ts';

/** Clients give up on a silent call after a minute. */
const EVERY_MS = 15_000;
/** Small, so that the server's own progress is still more than ours was. */
const STEP = 1e-6;

/**
 * Tells a client that asked for progress that its call is alive: those that reset their timer by
 * it wait as long as the person needs.
 *
 * @returns Ends it
 */
export function reportProgress(call: ToolCall, channel: ClientChannel): () => void {
  const meta = valueOf(call.meta);
  const progressToken = isJsonObject(meta) ? meta['progressToken'] : undefined;
  if (typeof progressToken !== 'string' && typeof progressToken !== 'number')
    return () => undefined;
  const send = channel.sender;
  let count = 0;
  const tell = () => {
    count += 1;
    const progress = count * STEP;
    const params = { progressToken, progress, message: 'waiting for a person to approve the call' };
    send({ method: 'notifications/progress', params });
  };
  tell();
  const timer = setInterval(tell, EVERY_MS);
  return () => clearInterval(timer);
}
